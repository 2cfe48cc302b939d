// Package differential compares Woven with OVN: random rows in a real Northbound database, ovn-northd, and random packets that
// go both through Woven's loaded programs and through ovn-trace(8), which reads ovn-northd's flows.
package differential
