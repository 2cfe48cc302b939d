package differential

import "slices"

// expected is what Woven is to make of a packet, when OVN makes want of it and Woven got: the same but for the differences that
// docs/ovn-coverage.md lists under "Deliberate differences". reason is why Woven dropped the packet. name is that of the difference that counts;
// "": none does.
func expected(packet microflow, got, want verdict, reason string) (v verdict, name string) {
	fields, err := fieldsOf(packet.String())
	if err != nil {
		return want, ""
	}
	proto := fields.Int("ip.proto").Lo
	isICMP := proto == 1 || proto == 58
	isIP6 := fields.Int("eth.type").Lo == 0x86dd
	toLinkLocal := isIP6 && fields.Int("ip6.dst").Hi>>54 == 0xfe80>>6
	switch {
	case len(got) == 0 && isIP6 && reason == "src_invalid":
		return nil, "no IPv6 packet from the router's own address"
	case len(got) == 0 && kindOf(want) == string(answerResolve) && (reason == "port_disabled" || reason == "dst_disabled"):
		return nil, "no request for what is dropped at a disabled port"
	case toLinkLocal && len(got) == 1 && got[0].Answer != "":
		return got, "a link-local address belongs to a link"
	case isIP6 && len(want) == 0 && kindOf(got) == string(answerExpired):
		return got, "IPv6 time exceeded for senders on other networks"
	case len(got) == 0 && reason == "rejected" && fields.Int("ip.frag").Lo == 3 && len(want) == 1 && isError(want[0]):
		return nil, "no error about a later fragment"
	case len(got) == 0 && reason == "multicast" && len(want) == 1 && isError(want[0]):
		return nil, "no error about multicast"
	case fields.Int("arp.op").Lo == 1 && len(got) == 0 && len(want) == 1 && reason == "unknown_mac":
		return nil, "a router answers ARP by the switch's addresses"
	case fields.Int("arp.op").Lo == 1 && len(want) > len(got):
		request, err := frameOf(fields)
		if err != nil {
			return want, ""
		}
		isCopy := func(o outcome) bool { return o.Frame == string(request) }
		return slices.DeleteFunc(slices.Clone(want), isCopy), "ARP for a router goes to the router only"
	case slices.ContainsFunc(got, isRefused):
		return append(slices.DeleteFunc(slices.Clone(want), isError), outcome{Answer: answerRefused}).sort(), "no error about this packet"
	case isICMP && !slices.ContainsFunc(got, isError):
		return slices.DeleteFunc(slices.Clone(want), isError), "no error about ICMP to the router"
	}
	return want, ""
}

func isError(o outcome) bool { return o.Answer == answerError || o.Answer == answerExpired }

func isRefused(o outcome) bool { return o.Answer == answerRefused }
