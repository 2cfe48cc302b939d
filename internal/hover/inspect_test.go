package hover

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2 := n.workload(1), n.workload(2)
	n.apply(state(lswitch(switchA, 7, w1, w2), lswitch("6a3c1a52-0000-4000-8000-00000000000b", 8)))
	ping(w1, "10.0.0.77") // a flood: nobody has it
	ping(w1, "10.9.9.9", "-I", addr4(2).String())
	text := func(table string) string {
		t.Helper()
		rows, more, err := n.Rows(switchA, table, 10)
		if err != nil || more {
			t.Fatalf("%v, more %v", err, more)
		}
		var lines []string
		for _, r := range rows {
			lines = append(lines, fmt.Sprint(r.Key, " ", r.Value))
		}
		return strings.Join(lines, "\n")
	}
	for table, want := range map[string]string{
		"l2switch_fdbs": "[{dp 1} {mac 0a:00:00:00:00:01}] lp1\n[{dp 1} {mac 0a:00:00:00:00:02}] lp2",
		"l2switch_neighs": "[{dp 1} {addr 10.0.0.1}] [{mac 0a:00:00:00:00:01} {port 1} {owner nowhere}]\n[{dp 1} {addr 10.0.0.2}] [{mac 0a:00:00:00:00:02} {port 2} {owner nowhere}]\n" +
			"[{dp 1} {addr fd00::1}] [{mac 0a:00:00:00:00:01} {port 1} {owner nowhere}]\n[{dp 1} {addr fd00::2}] [{mac 0a:00:00:00:00:02} {port 2} {owner nowhere}]",
		"iom_names": "[{dp 1} {number 0} {kind 0} {part 0}] [{name " + switchA + "}]\n[{dp 1} {number 32768} {kind 0} {part 0}] [{name _MC_flood}]\n" +
			"[{dp 1} {number 1} {kind 0} {part 0}] [{name lp1}]\n[{dp 1} {number 2} {kind 0} {part 0}] [{name lp2}]",
		"l2switch_ports": "1 [{flags l2switch_enabled|l2switch_secured} {mac 0a:00:00:00:00:01} {mac_flags 131} {ip4 10.0.0.1} {ip6 fd00::1}]\n" +
			"2 [{flags l2switch_enabled|l2switch_secured} {mac 0a:00:00:00:00:02} {mac_flags 131} {ip4 10.0.0.2} {ip6 fd00::2}]",
	} {
		if diff := cmp.Diff(want, text(table)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", table, diff)
		}
	}
	if rows, more, err := n.Rows(switchA, "l2switch_fdbs", 1); err != nil || len(rows) != 1 || !more {
		t.Errorf("limited: %v, more %v, %v", rows, more, err)
	}
	for _, bad := range [][2]string{{"nosuch", "l2switch_fdbs"}, {switchA, "nosuch"}} {
		if _, _, err := n.Rows(bad[0], bad[1], 10); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	types := n.Types()
	if len(types) != 2 || types[1].Name != "l2switch" || len(types[1].Programs) != 4 || len(types[1].Drops) == 0 {
		t.Errorf("types: %+v", types)
	}
}
