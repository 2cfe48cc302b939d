package ovsdb

import (
	"os"
	"slices"
	"testing"
)

func TestParseRemote(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"unix:/run/ovn/ovnsb_db.sock": "unix:///run/ovn/ovnsb_db.sock",
		"unix:odd %41.sock":           "unix://" + here + "/odd%20%2541.sock",
		"tcp:10.0.0.1:6642":           "tcp:10.0.0.1:6642",
		"tcp:[::1]:6642":              "tcp:[::1]:6642",
		"ssl:[fe80::1%eth0]:6642":     "ssl:[fe80::1%eth0]:6642",
		"ssl:sb.example.org:16642":    "ssl:sb.example.org:16642",
		"ssl:sb.example.org":          "ssl:sb.example.org:6640",
		"tcp:[2001:db8::1]":           "tcp:[2001:db8::1]:6640",
	} {
		r, err := parseRemote(text)
		if err != nil || r.endpoint() != want {
			t.Errorf("%q: %q, %v; want %q", text, r.endpoint(), err, want)
		}
	}
	for _, text := range []string{
		"", "10.0.0.1", "unix:", "tcp:", "ssl:", "ptcp:6642", "pssl:6642:10.0.0.1", "ftp:1.2.3.4", "tcp:::1:6642", "tcp:[::1:6642", "tcp::6642",
		"tcp:h:", "tcp:h:0", "tcp:h:65536", "tcp:h:http", "tcp:h#x:1", "tcp:h/x:1",
	} {
		if r, err := parseRemote(text); err == nil {
			t.Errorf("%q: accepted as %+v", text, r)
		}
	}
}

// Every remote is tried once a round, and none twice in a row.
func TestRoute(t *testing.T) {
	remotes := []string{"a", "b", "c", "d"}
	first := newTarget(remotes, TLS{})
	var r route
	firsts := map[string]bool{}
	for range 100 {
		before := r.last
		var round []string
		for done := false; !done; {
			var remote string
			remote, done = r.next(first)
			round = append(round, remote)
		}
		firsts[round[0]] = true
		if round[0] == before {
			t.Fatalf("%q was tried twice in a row", before)
		}
		if slices.Sort(round); !slices.Equal(round, remotes) {
			t.Fatalf("a round tried %q, want all", round)
		}
	}
	if len(firsts) != len(remotes) {
		t.Errorf("rounds began with %v only: clients would not spread", firsts)
	}
	r.next(first)
	if remote, done := r.next(newTarget([]string{"e"}, TLS{})); remote != "e" || !done {
		t.Errorf("next of another target = %q, %v", remote, done)
	}
}

func TestTargetAllows(t *testing.T) {
	old, renewed := TLS{CACert: "old"}, TLS{CACert: "new"}
	now := newTarget([]string{"tcp:a", "ssl:b"}, renewed)
	for _, c := range []struct {
		remote string
		keys   TLS
		want   bool
	}{
		{"tcp:a", old, true}, {"ssl:b", renewed, true}, {"ssl:b", old, false}, {"tcp:c", renewed, false},
	} {
		if got := now.allows(c.remote, c.keys); got != c.want {
			t.Errorf("connection to %s with %+v: allowed %v, want %v", c.remote, c.keys, got, c.want)
		}
	}
}
