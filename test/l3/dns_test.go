package l3

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// serveDNS is a DNS server in a VM, which has one name, until the test ends.
func serveDNS(t *testing.T, vm *labtest.VM, ip netip.Addr) {
	t.Helper()
	var conn net.PacketConn
	err := vm.In(func() (err error) {
		conn, err = net.ListenPacket("udp", netip.AddrPortFrom(ip, 53).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &mdns.Server{PacketConn: conn, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg).SetReply(q)
		if q.Question[0].Name == "real.test." {
			m.Answer = []mdns.RR{&mdns.A{Hdr: mdns.RR_Header{Name: "real.test.", Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 1}, A: net.IP{192, 0, 2, 7}}}
		} else {
			m.Rcode = mdns.RcodeNameError
		}
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	})}
	ended := make(chan error)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
}

// dns: names of the switch are answered on the way to a server, whichever it is; it gets the other requests.
func dns(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "dns", 160)
	w.left.NB("--", "--id=@d", "create", "DNS", `records={"vm.test"="10.0.160.1 fd00:10:0:a0::1","1.160.0.10.in-addr.arpa"="vm.test"}`,
		"--", "add", "Logical_Switch", w.left.Name, "dns_records", "@d")
	w.left.Sync()
	for _, server := range []netip.Addr{w.far.IP4, w.far.IP6} {
		serveDNS(t, w.far, server)
		for _, test := range []struct{ ask, want string }{
			{"vm.test A", "10.0.160.1"}, {"VM.Test AAAA", "fd00:10:0:a0::1"}, {"-x 10.0.160.1", "vm.test."},
			{"real.test A", "192.0.2.7"}, {"nobody.test A", ""},
		} {
			args := append([]string{"dig", "+short", "+time=5", "+tries=3", "@" + server.String()}, strings.Fields(test.ask)...)
			if got := strings.TrimSpace(w.left.Exec(w.near.Name, args...)); got != test.want {
				t.Errorf("dig @%s %s: %q, want %q", server, test.ask, got, test.want)
			}
		}
		if got := w.left.Exec(w.beside.Name, "dig", "@"+server.String(), "vm.test"); !strings.Contains(got, "status: NXDOMAIN") {
			t.Errorf("from a switch without the name:\n%s", got)
		}
	}
}
