// Package ovnexpr is OVN's match language: what ACLs, router policies, QoS rules, logical flows and ovn-trace's microflows
// are written in. ovn-sb(5), table Logical_Flow, column match, describes it; where the man page and the programs of
// OVN 23.03 differ, this package does as the programs do (oracle_test.go compares with ovn-trace).
//
// The way of a match:
//
//	Parse     text -> Expr: syntax and types are checked; address sets and port groups stay names
//	Resolve   names of sets -> their members
//	Annotate  predicates and subfields -> the fields of packets, with the prerequisites of each
//	Eval      does a packet match?
//	Microflow an expression that describes one packet -> its fields, and Fields.Frame -> its bytes
//
// Expressions are values: no function changes one it is given.
package ovnexpr
