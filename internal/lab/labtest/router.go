package labtest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"woven.dev/woven/internal/lab"
)

// gatewayHost is the last part of the addresses that routers have on switches.
const gatewayHost = 254

// Router is a logical router in a lab that tests may share. What a method can't do fails the test; at its end the router is removed.
type Router struct {
	Name string
	Lab  *lab.Lab

	t testing.TB
}

// NewRouter adds a logical router to the Northbound database. Its name is one of its own for each test that may run at the same time.
func NewRouter(t testing.TB, l *lab.Lab, name string) *Router {
	t.Helper()
	r := &Router{Name: name, Lab: l, t: t}
	r.NB("lr-add", name)
	t.Cleanup(func() {
		if _, err := l.NBCtl(context.Background(), "--if-exists", "lr-del", name); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Attach makes the router the gateway of a switch, whose VMs are started afterwards: 10.0.s.254 and fd00:10:0:s::fe of subnet s.
func (r *Router) Attach(s *Switch) {
	r.t.Helper()
	ip4, ip6 := r.AttachAt(s, gatewayHost)
	s.gateways = append(s.gateways, ip4, ip6)
}

// AttachAt gives the router the addresses of host n on a switch.
func (r *Router) AttachAt(s *Switch, n int) (ip4, ip6 netip.Addr) {
	r.t.Helper()
	ip4, ip6 = s.addresses(n)
	port := r.Port(s)
	r.NB("lrp-add", r.Name, port, fmt.Sprintf("0a:00:00:01:%02x:%02x", s.Subnet, n), ip4.String()+"/24", ip6.String()+"/64",
		"--", "lsp-add", s.Name, "to-"+port, "--", "lsp-set-type", "to-"+port, "router", "--", "lsp-set-addresses", "to-"+port, "router",
		"--", "lsp-set-options", "to-"+port, "router-port="+port)
	return ip4, ip6
}

// Port is the name of the router's port on a switch.
func (r *Router) Port(s *Switch) string { return r.Name + "-" + s.Name }

// Peer links two routers by a subnet of their own, on which the first has the addresses of host 1 and the second those of host 2.
func (r *Router) Peer(other *Router, subnet int) (first, second Link) {
	r.t.Helper()
	link := func(r, to *Router, n int) Link {
		s := Switch{Subnet: subnet}
		l := Link{Port: r.Name + "-" + to.Name}
		l.IP4, l.IP6 = s.addresses(n)
		r.NB("lrp-add", r.Name, l.Port, fmt.Sprintf("0a:00:00:02:%02x:%02x", subnet, n), l.IP4.String()+"/24", l.IP6.String()+"/64",
			"peer="+to.Name+"-"+r.Name)
		return l
	}
	return link(r, other, 1), link(other, r, 2)
}

// Link is an end of a link between two routers.
type Link struct {
	Port     string
	IP4, IP6 netip.Addr
}

// NB runs ovn-nbctl.
func (r *Router) NB(args ...string) string {
	r.t.Helper()
	out, err := r.Lab.NBCtl(r.t.Context(), args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}
