package differential

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// answer is a kind of packet that user space makes of the traced one; what it looks like is not compared.
type answer string

const (
	answerExpired answer = "ICMP time exceeded"
	answerError   answer = "another ICMP error, or reset"
	// answerRefused: there is a reason for an error, but RFC 1122 section 3.2.2, RFC 4443 section 2.4 or their like forbid it.
	answerRefused answer = "no ICMP error, as it is forbidden"
	answerResolve answer = "ARP or ND request for the next hop"
)

// outcome is a frame that leaves by a port, or an answer.
type outcome struct {
	Port   string
	Frame  string // bytes
	Answer answer
}

// String describes an outcome for people.
func (o outcome) String() string {
	if o.Answer != "" {
		return string(o.Answer)
	}
	packet := gopacket.NewPacket([]byte(o.Frame), layers.LayerTypeEthernet, gopacket.Default)
	var text []string
	for _, l := range packet.Layers() {
		text = append(text, gopacket.LayerString(l))
	}
	return fmt.Sprintf("output to %s of %s\n    %s", o.Port, hex.EncodeToString([]byte(o.Frame)), strings.Join(text, "\n    "))
}

func compare(a, b outcome) int {
	return cmp.Or(strings.Compare(a.Port, b.Port), strings.Compare(a.Frame, b.Frame), strings.Compare(string(a.Answer), string(b.Answer)))
}

// verdict is all that becomes of a packet, in order; empty: it is dropped.
type verdict []outcome

func (v verdict) sort() verdict {
	slices.SortFunc(v, compare)
	return v
}

// String describes a verdict for people.
func (v verdict) String() string {
	if len(v) == 0 {
		return "drop"
	}
	lines := make([]string, len(v))
	for i, o := range v {
		lines[i] = o.String()
	}
	return strings.Join(lines, "\n  ")
}

func equal(a, b verdict) bool { return slices.Equal(a, b) }

// kindOf is what sort of verdict it is.
func kindOf(v verdict) string {
	switch {
	case len(v) == 0:
		return "drop"
	case len(v) > 1:
		return "several"
	case v[0].Answer != "":
		return string(v[0].Answer)
	}
	return "output"
}
