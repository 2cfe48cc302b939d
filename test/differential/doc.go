// Package differential compares Woven with OVN: random rows in a real Northbound database, ovn-northd, and random packets that
// go both through Woven's loaded programs and through ovn-trace(8), which reads ovn-northd's flows. Verdicts, outputs and frames have to be the same, but
// for the differences that docs/ovn-coverage.md lists.
//
// ovn-trace is told the state of connections. Woven has it from its tables: a connection is there because the programs have seen its first packet, or
// is written as one that is older than the rules.
package differential
