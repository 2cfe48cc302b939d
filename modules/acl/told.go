package acl

import "woven.dev/woven/sdk/iom"

// Told is what a punt says about its packet.
type Told struct {
	// ACL is the number of the one that decided, see config.Number.
	ACL uint64
	// ToLport: for the port that receives; else for the one that sends.
	ToLport bool
	// Verdict is "allow", "drop" or "reject".
	Verdict string
}

var verdicts = map[AclAclVerdict]string{AclAclVerdictACL_ALLOWED: "allow", AclAclVerdictACL_DROPPED: "drop", AclAclVerdictACL_REJECTED: "reject"}

// ReadTold reads the word of a punt (punt.Punt.About).
func ReadTold(about [4]uint32) (Told, error) {
	t, err := iom.Get[AclAclTold](iom.Bytes(about))
	if err != nil {
		return Told{}, err
	}
	return Told{ACL: t.Rule, ToLport: t.Egress != 0, Verdict: verdicts[AclAclVerdict(t.Verdict)]}, nil
}
