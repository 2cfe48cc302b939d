package l3

import (
	"os"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

func TestZZReject(t *testing.T) {
	l := labtest.Up(t, "zzr", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	w := newNetwork(t, l, "zz", 186)
	w.left.NB("meter-add", "one", "drop", "1", "pktps", "1", "--", "--log", "--name=nope", "--severity=alert", "--meter=one", "acl-add", w.right.Name, "to-lport", "1000", "udp.dst == 4000 && ip4", "reject",
		"--", "--log", "--name=nofrom", "acl-add", w.left.Name, "from-lport", "1000", "udp.dst == 4001", "reject")
	w.left.Sync()
	for _, to := range []*labtest.VM{w.beside, w.far} {
		for _, port := range []string{"4000", "4001"} {
			out := w.left.Exec(w.near.Name, "sh", "-c", "for i in 1 2 3; do traceroute -n -U -p "+port+" -f 5 -m 5 -q 1 -w 2 "+to.IP4.String()+"; done")
			t.Log(port, out)
		}
	}
	out := w.left.Exec("hv1", "sh", "-c", "grep -h acl_log /tmp/wvtzzr/log/* ; true")
	t.Log(out)
	_ = os.Stdout
}
