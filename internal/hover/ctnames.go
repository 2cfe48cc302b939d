package hover

import (
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/wire"
)

// firstGroup is the least key of a group; those below are ports'.
const firstGroup = 1 << 15

// isPort says whether a name is that of a port.
func isPort(key wire.NameKey) bool {
	return key.Dp != 0 && key.Kind == 0 && key.Number > 0 && key.Number < firstGroup
}

// zones are those of the ports with a name.
func (n names) zones(port string) []ct.Zone {
	var zones []ct.Zone
	for key, name := range n {
		if isPort(key) && name == port {
			zones = append(zones, ct.Zone{Instance: key.Dp, Port: uint16(key.Number)})
		}
	}
	return zones
}

// decider is the name of what decides in one of so many kinds under a number; "": none has such a thing.
func (n names) decider(dp, number uint32, kinds int) string {
	if number < netstate.FirstObject {
		return ""
	}
	for kind := range kinds {
		if name := n[wire.NameKey{Dp: dp, Number: number, Kind: uint16(kind + 1)}]; name != "" {
			return name
		}
	}
	return ""
}
