package lab_test

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// Databases that ask for certificates and give the role ovn-controller serve Woven and a stock hypervisor.
func TestTLS(t *testing.T) {
	l := labtest.Up(t, "tls", lab.Options{Hypervisors: 2, Stock: []int{2}, TLS: true, Woven: labtest.Woven(t)})
	addPorts(t, l, vm(1, "hv1"), vm(2, "hv2"))
	mustPing(t, l, "vm1", "10.0.0.2")
	mustPing(t, l, "vm2", "fd00:10::1")
}

// Clustered databases lose their first servers: traffic flows on, ports come and go.
func TestClustered(t *testing.T) {
	l := labtest.Up(t, "clu", lab.Options{Hypervisors: 1, Clustered: true, Woven: labtest.Woven(t)})
	addPorts(t, l, vm(1, "hv1"), vm(2, "hv1"))
	mustPing(t, l, "vm1", "10.0.0.2")
	for _, service := range []string{lab.SB, lab.NB} {
		if err := l.Kill(service); err != nil {
			t.Fatal(err)
		}
	}
	mustPing(t, l, "vm1", "10.0.0.2")
	// OVN's tools give up at a server that doesn't answer: name another.
	await := func(up string) {
		t.Helper()
		if _, err := l.SBCtl(t.Context(), "--db=unix:"+l.Dir()+"/central/ovnsb_db2.sock", "--no-leader-only",
			"wait-until", "Port_Binding", "vm2", "up="+up); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Unplug(t.Context(), "vm2"); err != nil {
		t.Fatal(err)
	}
	await("false")
	if err := l.Plug(t.Context(), "vm2"); err != nil {
		t.Fatal(err)
	}
	await("true")
	mustPing(t, l, "vm1", "10.0.0.2")
}
