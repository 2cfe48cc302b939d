package acl

import (
	"fmt"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// HitsTable is the table that counts what ACLs decide.
const HitsTable = "acl_hits"

// Hit names a count: of an ACL in an instance.
type Hit struct {
	Instance uint32 // slot
	ACL      uint64 // config.Number
}

// Row is the key of the count in HitsTable.
func (h Hit) Row() string { return iom.Bytes(AclAclHitKey{Id: h.ACL, Dp: h.Instance}) }

// ReadHits reads the rows of HitsTable: how many packets each ACL has decided on.
func ReadHits(rows map[string]string) (map[Hit]uint64, error) {
	hits := make(map[Hit]uint64, len(rows))
	for k, v := range rows {
		key, err := iom.Get[AclAclHitKey](k)
		if err != nil {
			return nil, fmt.Errorf("read hits of ACLs: %w", err)
		}
		if hits[Hit{key.Dp, key.Id}], err = iom.Get[uint64](v); err != nil {
			return nil, fmt.Errorf("read hits of ACLs: %w", err)
		}
	}
	return hits, nil
}

// MayMatch says whether rules may match a packet of the port with a key, which is the packet's own: match.InPort or match.OutPort.
func MayMatch(rules []match.Rule, own match.Dim, key uint16) bool {
	r := reachOf(rules, own)
	return r.all || r.keys[key]
}
