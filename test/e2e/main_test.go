// Package e2e tests Woven from the Northbound database to the packet: real ovsdb-server and ovn-northd, agents on
// hypervisors and workloads in network namespaces, real senders.
package e2e

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

func TestTwoNodes(t *testing.T) {
	l := labtest.Up(t, "e2e", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	tell(t, l,
		story{"connectivity", connectivity},
		story{"isolation", isolation},
		story{"offloads", offloads},
		story{"sizes", sizes},
		story{"spoofing", spoofing},
		story{"address by hand", addressByHand},
		story{"port first", portFirst},
		story{"interface first", interfaceFirst},
		story{"device last", deviceLast},
		story{"unplugging", unplugging},
		story{"sync means forwarding", syncMeansForwarding},
		story{"moving", moving},
		story{"requested chassis", requestedChassis},
		story{"disabling", disabling},
		story{"deleting", deleting},
		story{"new addresses", newAddresses},
		story{"key reuse", keyReuse},
	)
}
