package neigh_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/internal/slowpath/neigh"
)

func TestAnnounce(t *testing.T) {
	const all = macHost + " > ff:ff:ff:ff:ff:ff arp "
	for _, test := range []struct{ addrs, want []string }{
		{[]string{"10.0.0.5", "10.0.0.6"}, []string{
			all + "1 " + macHost + " 10.0.0.5 > 00:00:00:00:00:00 10.0.0.5", all + "1 " + macHost + " 10.0.0.6 > 00:00:00:00:00:00 10.0.0.6"}},
		{[]string{"fd00::5"}, []string{macHost + " > 33:33:00:00:00:01 fd00::5 > ff02::1 ttl 255 icmp6 136/0 " +
			"na fd00::5 flags 0x20 [ICMPv6Option(TargetAddress:02:00:00:00:00:05)]"}},
	} {
		var addrs []netip.Addr
		for _, a := range test.addrs {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		var got []string
		for _, b := range neigh.Announce(hostMAC, addrs) {
			got = append(got, frametest.Text(t, b))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.addrs, diff)
		}
	}
	frames := neigh.Announce(hostMAC, nil) // gopacket knows no RARP
	want := "ffffffffffff" + "020000000005" + "8035" + "0001080006040003" + "02000000000500000000" + "02000000000500000000"
	if got := fmt.Sprintf("%x", slices.Concat(frames...)); got != want {
		t.Errorf("RARP\n got %s\nwant %s", got, want)
	}
}

func TestNextAnnouncement(t *testing.T) {
	for most, want := range map[time.Duration]string{
		0:                "1s 2s 4s 8s 16s.",
		3 * time.Second:  "1s 2s 3s 3s 3s 3s 3s 3s",
		time.Second / 2:  "500ms 500ms 500ms 500ms 500ms 500ms 500ms 500ms",
		60 * time.Second: "1s 2s 4s 8s 16s 32s 1m0s 1m0s",
	} {
		got := ""
		for n := 1; n <= 8; n++ {
			pause, again := neigh.NextAnnouncement(n, most)
			if n > 1 {
				got += " "
			}
			got += pause.String()
			if !again {
				got += "."
				break
			}
		}
		if got != want {
			t.Errorf("at most %s: %s, want %s", most, got, want)
		}
	}
}
