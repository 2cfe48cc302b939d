package ovsdb

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// defaultPort is meant by "tcp:HOST" and "ssl:HOST" (ovsdb(7), section Active and Passive OVSDB Connection Methods).
const defaultPort = "6640"

// remote is where a server is, in OVSDB's notation for clients (ovsdb(7)).
type remote struct {
	scheme  string // unix, tcp or ssl
	address string // an absolute path, or HOST:PORT
}

func parseRemote(text string) (remote, error) {
	scheme, address, _ := strings.Cut(text, ":")
	r := remote{scheme, address}
	var err error
	switch {
	case address == "":
		err = errors.New("want unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT")
	case scheme == "unix":
		r.address, err = filepath.Abs(address)
	case scheme == "tcp" || scheme == "ssl":
		r.address, err = hostPort(address)
	default:
		err = fmt.Errorf("connections to %q are not supported: want unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT", scheme)
	}
	if err != nil {
		return remote{}, fmt.Errorf("parse remote %q: %w", text, err)
	}
	return r, nil
}

// hostPort reads HOST or HOST:PORT, where HOST is a name, an IPv4 address or an IPv6 address in brackets.
func hostPort(address string) (string, error) {
	if !strings.Contains(address[strings.LastIndexByte(address, ']')+1:], ":") {
		address += ":" + defaultPort
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if host == "" || strings.ContainsAny(host, "/?#") {
		return "", fmt.Errorf("%q is no host", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is no port", port)
	}
	return address, nil
}

// endpoint is the URL that libovsdb wants, which would take what it does not understand for the system's own database.
func (r remote) endpoint() string {
	if r.scheme == "unix" {
		return (&url.URL{Scheme: r.scheme, Path: r.address}).String()
	}
	return (&url.URL{Scheme: r.scheme, Opaque: r.address}).String()
}
