package packetpath

import (
	"fmt"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
)

// ACLs are so many in each direction, stateful, the last of which allows all traffic of the flows.
func ACLs(number int) netstate.Service {
	c := &config.Config{Stateful: true}
	for i := range number - 1 {
		port := match.NewSet("", []match.Prefix{match.Key(uint16(20000 + i))})
		c.FromLport = append(c.FromLport, config.ACL{ID: fmt.Sprint("port ", i), Action: config.Allow,
			Rules: []match.Rule{{Terms: []match.Term{{Dim: match.DstPort, Sets: []*match.Set{port}}}}}})
	}
	c.FromLport = append(c.FromLport, config.ACL{ID: "all", Action: config.Allow, Rules: []match.Rule{{}}})
	c.ToLport = c.FromLport
	return netstate.Service{Kind: config.Kind, Config: c}
}
