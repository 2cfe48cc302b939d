package ovsdb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/lab/pki"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// newAuthority makes an authority whose files end with the test.
func newAuthority(t *testing.T, name string) *pki.Authority {
	t.Helper()
	ca, err := pki.New(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// issue makes a key and its certificate.
func issue(t *testing.T, ca *pki.Authority, name string, expiry time.Duration) pki.Files {
	t.Helper()
	files, err := ca.Issue(name, expiry)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func keysOf(f pki.Files) TLS {
	return TLS{PrivateKey: f.PrivateKey, Certificate: f.Certificate, CACert: f.CACert}
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t, "ca")
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	// The server's name is not the host's: nobody looks.
	remote := server.ListenTLS(issue(t, ca, "central", time.Hour))
	_, port, _ := strings.Cut(remote, "127.0.0.1:")
	db := NewNB(Config{Remotes: []string{"ssl:localhost:" + port}, TLS: keysOf(issue(t, ca, "hv1", time.Hour))})
	db.timing = brisk()
	start(t, db)
	await(t, db, "first copy", complete)
	addSwitch(t, server, "blue")
	await(t, db, "switch blue", hasSwitch("blue"))
}

// Whatever is wrong with the keys or the server, the status says what.
func TestTLSErrors(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	good, central := issue(t, ca, "hv1", time.Hour), issue(t, ca, "central", time.Hour)
	secure := func(keys pki.Files) string { return ovsdbtest.Start(t, ovsdbtest.NB).ListenTLS(keys) }
	remote := secure(central)
	plain := ovsdbtest.Start(t, ovsdbtest.NB).ListenTCP("127.0.0.1")
	with := func(change func(*TLS)) TLS {
		keys := keysOf(good)
		change(&keys)
		return keys
	}
	for _, c := range []struct {
		name, remote string
		keys         TLS
		want         string
	}{
		{"no keys", remote, TLS{}, "are not all set"},
		{"no key file", remote, with(func(k *TLS) { k.PrivateKey = "/missing/key" }), "/missing/key: no such file"},
		{"no CA file", remote, with(func(k *TLS) { k.CACert = "/missing/ca" }), "/missing/ca: no such file"},
		{"no certificate in the CA file", remote, with(func(k *TLS) { k.CACert = good.PrivateKey }), "holds none"},
		{"key of another certificate", remote, with(func(k *TLS) { k.PrivateKey = central.PrivateKey }), "does not match"},
		{"client of another authority", remote, with(func(k *TLS) {
			*k = keysOf(issue(t, other, "hv1", time.Hour))
			k.CACert = ca.CACert()
		}), "unknown certificate authority"},
		{"client's certificate expired", remote, keysOf(issue(t, ca, "old", -time.Hour)), "expired certificate"},
		{"server of another authority", secure(issue(t, other, "central", time.Hour)), keysOf(good), `certificate of "central": x509: certificate signed by unknown authority`},
		{"server's certificate expired", secure(issue(t, ca, "old", -time.Hour)), keysOf(good), "certificate has expired"},
		{"server without TLS", "ssl" + strings.TrimPrefix(plain, "tcp"), keysOf(good), "does not speak TLS"},
		{"listener that talks otherwise", "ssl" + strings.TrimPrefix(listen(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), "tcp"), keysOf(good), "does not speak TLS"},
		{"nobody there", "ssl:127.0.0.1:1", keysOf(good), "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			db := NewNB(Config{})
			s, err := openSession(ctx, c.remote, sessionConfig{catalog: db.catalog, tls: c.keys, timing: defaultTiming})
			if err == nil {
				s.close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "open "+c.remote) {
				t.Errorf("error %q, want it to say %q", err, c.want)
			}
		})
	}
}

// The certificate of the authority comes from the first server, and from then on others are refused.
func TestBootstrapCA(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	server, stranger := ovsdbtest.Start(t, ovsdbtest.NB), ovsdbtest.Start(t, ovsdbtest.NB)
	keys := keysOf(issue(t, ca, "hv1", time.Hour))
	keys.CACert, keys.Bootstrap = filepath.Join(t.TempDir(), "fetched.pem"), true
	remote := server.ListenTLS(issue(t, ca, "central", time.Hour))
	db := NewNB(Config{Remotes: []string{remote}, TLS: keys})
	db.timing = brisk()
	start(t, db)
	await(t, db, "first copy", complete)
	fetched, err := os.ReadFile(keys.CACert)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(ca.CACert()); err != nil || string(fetched) != string(want) {
		t.Errorf("fetched %q, %v; want %q", fetched, err, want)
	}
	db.SetRemotes([]string{stranger.ListenTLS(issue(t, other, "central", time.Hour))}, keys)
	awaitError(t, db, "unknown authority")
}

// An authority that cannot be kept is not trusted.
func TestBootstrapWithoutDirectory(t *testing.T) {
	ca := newAuthority(t, "ca")
	keys := keysOf(issue(t, ca, "hv1", time.Hour))
	keys.CACert, keys.Bootstrap = filepath.Join(t.TempDir(), "missing", "ca.pem"), true
	remote := ovsdbtest.Start(t, ovsdbtest.NB).ListenTLS(issue(t, ca, "central", time.Hour))
	if _, err := keys.open(t.Context(), strings.TrimPrefix(remote, "ssl:")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want a missing directory", err)
	}
}

// Renewed certificates count from the next connection on.
func TestRenewedCertificate(t *testing.T) {
	ca := newAuthority(t, "ca")
	keys := keysOf(issue(t, ca, "hv1", -time.Hour))
	server := ovsdbtest.Start(t, ovsdbtest.NB)
	db := NewNB(Config{Remotes: []string{server.ListenTLS(issue(t, ca, "central", time.Hour))}, TLS: keys})
	db.timing = brisk()
	start(t, db)
	awaitError(t, db, "expired certificate")
	issue(t, ca, "hv1", time.Hour)
	awaitConnected(t, db, true)
}

// awaitError waits until the client is not connected for a reason.
func awaitError[R any](t *testing.T, db *DB[R], reason string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if s := db.Status(); !s.Connected && s.Err != nil && strings.Contains(s.Err.Error(), reason) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; status %+v", reason, db.Status())
		}
	}
}
