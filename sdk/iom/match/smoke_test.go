package match_test

import (
	"testing"
	"fmt"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

func TestLoadsSmoke(t *testing.T) {
	k := matchtest.Load(t)
	info, _ := k.Program().Info()
	n, _ := info.VerifiedInstructions()
	x := 0
	fmt.Println("verified", n, x)
}
