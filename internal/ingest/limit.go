package ingest

import (
	"strconv"

	"woven.dev/woven/internal/logical"
)

// limitOption bounds the connections of a port, or of the ports of a switch: ovn-nb(5) of OVN 24.09 and later.
const limitOption = "ct-zone-limit"

// connectionLimit is the limit that options ask for; nil: none. bad is told of one that can't be read.
func connectionLimit(options map[string]string, bad func(text string)) *uint32 {
	text, set := options[limitOption]
	if !set {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		bad(logical.Quote(text) + " is no number from 0 to 4294967295: it is ignored")
		return nil
	}
	limit := uint32(n)
	return &limit
}
