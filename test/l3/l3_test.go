// Package l3 tests routers and address services from the Northbound database to the packet, with real senders and clients.
package l3

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

func TestRouting(t *testing.T) {
	l := labtest.Up(t, "l3", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"connectivity":        connectivity,
		"traceroute":          traceroute,
		"own addresses":       ownAddresses,
		"path mtu":            pathMTU,
		"static routes":       staticRoutes,
		"route tables":        routeTables,
		"ecmp":                ecmp,
		"symmetric replies":   symmetricReplies,
		"policies":            policies,
		"loop":                loop,
		"unknown neighbours":  unknownNeighbours,
		"static neighbours":   staticNeighbours,
		"requests":            requests,
		"ageing":              ageing,
		"proxies":             proxies,
		"port settings":       portSettings,
		"link-local next hop": linkLocalHop,
		"tenants":             tenants,
		"moving":              moving,
	})
	t.Run("agents away", func(t *testing.T) { agentsAway(t, l) })
	t.Run("dhcp later", func(t *testing.T) { dhcpLater(t, l) })
}

func TestServices(t *testing.T) {
	l := labtest.Up(t, "srv", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"dhcp":        dhcp,
		"dhcp reboot": dhcpReboot,
		"dhcpv6":      dhcpv6,
		"slaac":       slaac,
		"dns":         dns,
		"copp":        copp,
	})
}
