package acl_test

import (
	"fmt"
	"testing"

	"woven.dev/woven/modules/acl"
)

// One port of the node vouches for the connections that another one lets pass, for a second.
func TestVouchers(t *testing.T) {
	tell(t, []story{
		{name: "of UDP", run: func(w *world, family int) { storyVouched(w, 17, (*place).talkUDP, family) }},
		{name: "of TCP", run: func(w *world, family int) { storyVouched(w, 6, (*place).talkTCP, family) }},
		{name: "of other rules", run: storyVoucherOfOtherRules},
		{name: "of another port", run: storyVoucherOfAnotherPort},
		{name: "for the end of a connection", run: storyNoVoucherForTheEnd, once: true},
	})
}

// talkUDP has a and b talk until each vouches for the other, and returns what a says next.
func (p *place) talkUDP(family int) []byte {
	p.t.Helper()
	up, down := p.udp(a, b, family, 1000, 53), p.udp(b, a, family, 53, 1000)
	for range 2 {
		p.sends("up", a, up, "passes")
		p.sends("down", b, down, "passes")
	}
	return up
}

// talkTCP does the same on a connection.
func (p *place) talkTCP(family int) []byte {
	p.t.Helper()
	p.connect(family, 80)
	up := p.tcp(a, b, family, 1000, 80, "AP")
	p.sends("up", a, up, "passes")
	p.sends("down", b, p.tcp(b, a, family, 80, 1000, "AP"), "passes")
	return up
}

// forget removes the connections in a port's zone.
func (p *place) forget(h host) {
	p.t.Helper()
	p.eachOf(h, func(table string, key acl.AclIomCtKey, _ acl.AclIomCt) {
		if err := p.k.Set().Maps[table].Delete(key); err != nil {
			p.t.Fatal(err)
		}
	})
}

// Nobody looks at b's connections while there is a voucher; a second later somebody does. Another attempt is made if a second ends meanwhile.
func storyVouched(w *world, proto int, talk func(*place, int) []byte, family int) {
	for range 10 {
		p := w.add(oneWay())
		next := talk(p, family)
		p.forget(b)
		p.sends("with a voucher", a, next, "passes")
		if p.connections(b) != "" {
			continue
		}
		p.spoilVouchers()
		p.sends("without", a, next, "passes")
		p.want("looked at again", b, fmt.Sprintf("cts_new %d %d", proto, asked))
		return
	}
	w.t.Error("no packet has had a voucher")
}

// spoilVouchers does what time does.
func (p *place) spoilVouchers() {
	p.t.Helper()
	p.eachOf(a, func(table string, key acl.AclIomCtKey, ct acl.AclIomCt) {
		ct.Voucher ^= 2
		if err := p.k.Set().Maps[table].Put(key, ct); err != nil {
			p.t.Fatal(err)
		}
	})
}

func storyVoucherOfOtherRules(w *world, family int) {
	p := w.add(allowing(80))
	next := p.talkTCP(family)
	p.change(allowing(443))
	p.sends("what was vouched for", a, next, "denied")
	p.sends("once more", a, next, "blocked")
}

// The same ports and addresses, and the MAC address of another host.
func storyVoucherOfAnotherPort(w *world, family int) {
	cfg := oneWay()
	cfg.Untracked = nil
	p := w.add(cfg)
	p.talkUDP(family)
	frame := p.udp(a, b, family, 1000, 53)
	copy(frame, r.mac())
	p.sends("to r", a, frame, "denied")
}

// A segment that changes the connection changes it at both ports.
func storyNoVoucherForTheEnd(w *world, family int) {
	p := w.add(oneWay())
	p.talkTCP(family)
	p.sends("FIN", a, p.tcp(a, b, family, 1000, 80, "AF"), "passes")
	for _, h := range []host{a, b} {
		p.want("half closed", h, fmt.Sprintf("cts 6 %d", closing))
	}
}
