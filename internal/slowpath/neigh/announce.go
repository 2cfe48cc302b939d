package neigh

import (
	"net/netip"
	"time"

	"woven.dev/woven/internal/slowpath/frame"
)

var allNodes = netip.MustParseAddr("ff02::1")

// Announce makes the frames that tell a physical network where a port is: a gratuitous ARP request for each IPv4 address, an unsolicited
// neighbour advertisement for each IPv6 address, and for a port without addresses a RARP request, which moves it in the tables of switches.
func Announce(mac frame.MAC, addrs []netip.Addr) [][]byte {
	var frames [][]byte
	for _, a := range addrs {
		if a.Is4() {
			frames = append(frames, arp(frame.TypeARP, arpRequest, mac, a, frame.MAC{}, a))
			continue
		}
		e := frame.Envelope{SrcMAC: mac, DstMAC: frame.MulticastMAC(allNodes), Src: a, Dst: allNodes, HopLimit: hopLimit}
		frames = append(frames, e.Seal(frame.ICMP6, neighbour(typeAdvertisement, flagOverride, a, optTargetMAC, mac)))
	}
	if len(frames) == 0 {
		none := netip.IPv4Unspecified()
		frames = [][]byte{arp(frame.TypeRARP, rarpRequest, mac, none, mac, none)}
	}
	return frames
}

// Pauses between announcements: each is twice the one before.
const (
	firstPause = time.Second
	lastPause  = 16 * time.Second
)

// NextAnnouncement is the pause after the announcement of a port that was the n-th, from 1 on, and whether there is another one: OVN announces
// five times. most is Open_vSwitch external-ids:garp-max-timeout-sec; if it is not 0, announcements never end and pauses are at most as long.
func NextAnnouncement(n int, most time.Duration) (pause time.Duration, again bool) {
	longest := lastPause
	if most > 0 {
		longest = most
	}
	for pause = firstPause; n > 1 && pause < longest; n-- {
		pause *= 2
	}
	return min(pause, longest), most > 0 || pause < longest
}
