// Package l2 tests the layer 2 features of OVN end to end: real databases and ovn-northd, Woven and stock hypervisors, packets
// between network namespaces.
package l2
