// Package match is the user-space side of <iom/match.h>: rules, of which the first that matches a packet counts, and the table rows
// that make a program find it. Rules are plain data; Put is pure.
package match

// Rule is a conjunction: a packet matches if all terms and all checks hold. A rule without any matches every packet.
type Rule struct {
	Terms  []Term
	Checks []Check
	// Value is handed to the program with the rule.
	Value uint32
}

// Term says that a packet's value in a dimension is in one of the sets or, with Not, in none of them. Terms cost the same however many there
// are and however large their sets; a program looks at each check of its own.
type Term struct {
	Dim  Dim
	Not  bool
	Sets []*Set
}

// Dim is what of a packet a term tests. Numbers are those of enum iom_match_dim.
type Dim uint8

// The dimensions. A value that the packet does not have is 0; what has no IP addresses is in no set of addresses.
const (
	InPort  Dim = iota // key of the port that it came in by
	OutPort            // key of the port that it goes out by
	Src                // source IP address; ARP and RARP: the sender's
	Dst                // destination IP address; ARP and RARP: the target's
	EthSrc
	EthDst
	Proto   // ethertype and IP protocol, for ARP and RARP the operation's lower byte
	SrcPort // of TCP, UDP, SCTP; type of ICMP
	DstPort // code of ICMP
	dims
)

// Width is how many bits the values of a dimension have.
func (d Dim) Width() int { return [dims]int{16, 16, 128, 128, 48, 48, 24, 16, 16}[d] }

// Check compares bits of a field: those in Mask are, or with Not are not, within Low..High, which have no others.
type Check struct {
	Field           Field
	Mask, Low, High Uint128
	Not             bool
}

// Limits of Put.
const (
	MaxRules  = 64 * chunkRules
	MaxChecks = 64 // of a rule
)
