// Package l3 tests routers and address services from the Northbound database to the packet, with real senders and clients.
package l3

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// story is a test in a lab that others use at the same time.
type story struct {
	name string
	tell func(*testing.T, *lab.Lab)
}

// tell runs stories side by side and returns when all have ended.
func tell(t *testing.T, l *lab.Lab, stories ...story) {
	t.Run("in one lab", func(t *testing.T) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.tell(t, l)
			})
		}
	})
}

func TestRouting(t *testing.T) {
	l := labtest.Up(t, "l3", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"connectivity", connectivity},
		story{"traceroute", traceroute},
		story{"own addresses", ownAddresses},
		story{"path mtu", pathMTU},
		story{"static routes", staticRoutes},
		story{"route tables", routeTables},
		story{"ecmp", ecmp},
		story{"symmetric replies", symmetricReplies},
		story{"policies", policies},
		story{"loop", loop},
		story{"unknown neighbours", unknownNeighbours},
		story{"static neighbours", staticNeighbours},
		story{"requests", requests},
		story{"ageing", ageing},
		story{"proxies", proxies},
		story{"port settings", portSettings},
		story{"link-local next hop", linkLocalHop},
		story{"tenants", tenants},
		story{"moving", moving},
	)
	t.Run("agents away", func(t *testing.T) { agentsAway(t, l) })
	t.Run("dhcp later", func(t *testing.T) { dhcpLater(t, l) })
}

func TestServices(t *testing.T) {
	l := labtest.Up(t, "srv", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"dhcp", dhcp},
		story{"dhcp reboot", dhcpReboot},
		story{"dhcpv6", dhcpv6},
		story{"slaac", slaac},
		story{"dns", dns},
		story{"copp", copp},
	)
}
