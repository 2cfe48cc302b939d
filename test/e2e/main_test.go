// Package e2e tests Woven from the Northbound database to the packet: real ovsdb-server and ovn-northd, agents on
// hypervisors and workloads in network namespaces, real senders.
package e2e

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

func TestTwoNodes(t *testing.T) {
	l := labtest.Up(t, "e2e", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	labtest.Tell(t, l, labtest.Stories{
		"connectivity":          connectivity,
		"isolation":             isolation,
		"offloads":              offloads,
		"sizes":                 sizes,
		"spoofing":              spoofing,
		"address by hand":       addressByHand,
		"port first":            portFirst,
		"interface first":       interfaceFirst,
		"device last":           deviceLast,
		"unplugging":            unplugging,
		"sync means forwarding": syncMeansForwarding,
		"moving":                moving,
		"requested chassis":     requestedChassis,
		"disabling":             disabling,
		"deleting":              deleting,
		"new addresses":         newAddresses,
		"key reuse":             keyReuse,
	})
}
