package acl_test

import (
	"testing"

	"woven.dev/woven/modules/acl"
)

func TestReadTold(t *testing.T) {
	for verdict, want := range map[uint32]string{1: "allow", 2: "drop", 3: "reject", 9: ""} {
		told, err := acl.ReadTold([4]uint32{7, 1 << 16, verdict % 2, verdict})
		if (told != acl.Told{ACL: 1<<48 | 7, ToLport: verdict%2 == 1, Verdict: want}) || err != nil {
			t.Errorf("verdict %d: %+v, %v", verdict, told, err)
		}
	}
}
