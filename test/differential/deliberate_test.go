package differential

import "slices"

// expected is what Woven is to make of a packet, when OVN makes want of it and Woven got: the same but for the differences that
// docs/ovn-coverage.md lists under "Deliberate differences". reasons are why Woven dropped the packet, or copies of it. name is that of the difference that counts;
// "": none does.
func expected(packet microflow, got, want verdict, reasons map[string]bool) (v verdict, name string) {
	fields, err := fieldsOf(packet.String())
	if err != nil {
		return want, ""
	}
	proto := fields.Int("ip.proto").Lo
	isICMP := proto == 1 || proto == 58
	isIP6 := fields.Int("eth.type").Lo == 0x86dd
	switch {
	case len(got) == 0 && isIP6 && reasons["src_invalid"]:
		return nil, "no IPv6 packet from the router's own address"
	case len(got) == 0 && kindOf(want) == string(answerResolve) && (reasons["port_disabled"] || reasons["dst_disabled"]):
		return nil, "no request for what is dropped at a disabled port"
	case isIP6 && len(want) == 0 && kindOf(got) == string(answerExpired):
		return got, "IPv6 time exceeded for senders on other networks"
	case len(got) == 0 && reasons["rejected"] && fields.Int("ip.frag").Lo == 3 && len(want) == 1 && isError(want[0]):
		return nil, "no error about a later fragment"
	case len(got) == 0 && reasons["multicast"] && len(want) == 1 && isError(want[0]):
		return nil, "no error about multicast"
	case fields.Int("arp.op").Lo == 1 && len(got) == 0 && len(want) == 1 && reasons["unknown_mac"]:
		return nil, "a router answers ARP by the switch's addresses"
	case fields.Int("arp.op").Lo == 1 && len(got) > len(want):
		reply := slices.DeleteFunc(slices.Clone(got), func(o outcome) bool { return o.Port != fields.Text("inport") })
		return slices.Concat(want, reply).sort(), "a router answers ARP whoever asks"
	case fields.Int("arp.op").Lo == 1 && len(want) > len(got):
		request, err := frameOf(fields)
		if err != nil {
			return want, ""
		}
		isCopy := func(o outcome) bool { return o.Frame == string(request) }
		return slices.DeleteFunc(slices.Clone(want), isCopy), "ARP for a router goes to the router only"
	case slices.ContainsFunc(got, isRefused):
		refused := slices.DeleteFunc(slices.Clone(got), func(o outcome) bool { return !isRefused(o) })
		return slices.Concat(slices.DeleteFunc(slices.Clone(want), isError), refused).sort(), "no error about this packet"
	case isICMP && !slices.ContainsFunc(got, isError):
		return slices.DeleteFunc(slices.Clone(want), isError), "no error about ICMP to the router"
	}
	return want, ""
}

func isError(o outcome) bool { return o.Answer == answerError || o.Answer == answerExpired }

func isRefused(o outcome) bool { return o.Answer == answerRefused }
