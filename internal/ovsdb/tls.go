package ovsdb

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// TLS names the PEM files for remotes "ssl:". They are read again for every connection, so that renewed ones count. As
// with all of OVSDB's programs a server has to show a certificate that CACert has signed; its host name doesn't matter.
type TLS struct {
	PrivateKey, Certificate, CACert string
	// Bootstrap: when the file CACert does not exist, the first server is trusted blindly, and the CA certificate
	// that it sends is kept in the file.
	Bootstrap bool
}

// open reads the files, for a connection to address.
func (t TLS) open(ctx context.Context, address string) (*tls.Config, error) {
	if t.PrivateKey == "" || t.Certificate == "" || t.CACert == "" {
		return nil, errors.New("private key, certificate and CA certificate are not all set")
	}
	identity, err := tls.LoadX509KeyPair(t.Certificate, t.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s and private key %s: %w", t.Certificate, t.PrivateKey, err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Shown whatever CAs the server names: its refusal says more than that there was none.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &identity, nil },
		InsecureSkipVerify:   true, // it would check the host name; VerifyConnection does the rest
	}
	text, err := os.ReadFile(t.CACert)
	if t.Bootstrap && errors.Is(err, fs.ErrNotExist) {
		text, err = bootstrap(ctx, address, config, t.CACert)
	}
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read CA certificate: %s holds none", t.CACert)
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if err := verify(state.PeerCertificates, roots); err != nil {
			return fmt.Errorf("verify server by CA certificate %s: %w", t.CACert, err)
		}
		return nil
	}
	return config, nil
}

// verify checks that a chain of certificates, the peer's own first, leads to a root.
func verify(chain []*x509.Certificate, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return fmt.Errorf("certificate of %q: %w", chain[0].Subject.CommonName, err)
	}
	return nil
}

// bootstrap fetches the certificate at the end of a server's chain and keeps it in a new file. If another process was
// faster, its file counts.
func bootstrap(ctx context.Context, address string, config *tls.Config, path string) ([]byte, error) {
	conn, err := handshake(ctx, address, config)
	if err != nil {
		return nil, fmt.Errorf("fetch from server: %w", err)
	}
	defer conn.Close()
	chain := conn.ConnectionState().PeerCertificates
	ca := chain[len(chain)-1]
	if !bytes.Equal(ca.RawIssuer, ca.RawSubject) {
		return nil, fmt.Errorf("fetch from server: it sends none, only one of %q", ca.Subject.CommonName)
	}
	if err := createFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// createFile makes a file with its whole content at once. One that is there already stays.
func createFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// handshake opens a TLS connection.
func handshake(ctx context.Context, address string, config *tls.Config) (*tls.Conn, error) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	var plain tls.RecordHeaderError
	if errors.Is(err, io.EOF) || errors.As(err, &plain) {
		return nil, fmt.Errorf("server does not speak TLS: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}

// knock finds out why a server doesn't serve us. In TLS 1.3 it judges our certificate after the handshake, in
// place of its first answer, and libovsdb forgets that error. It returns nil if the server answers.
func knock(ctx context.Context, address string, config *tls.Config) error {
	conn, err := handshake(ctx, address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, writeErr := io.WriteString(conn, `{"id":"knock","method":"echo","params":[]}`)
	// The verdict can be read even when the server has hung up.
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return err
	}
	return writeErr
}
