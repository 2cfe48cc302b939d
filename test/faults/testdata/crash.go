// A stand-in for internal/hover/step.go.
package hover

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

type steps func(step string)

var taken atomic.Int64

// next kills the process before its step number WOVEN_CRASH_BEFORE.
func (steps) next(words ...string) {
	before, err := strconv.ParseInt(os.Getenv("WOVEN_CRASH_BEFORE"), 10, 64)
	if err != nil || taken.Add(1) != before {
		return
	}
	fmt.Fprintln(os.Stderr, "crash before:", strings.Join(words, " "))
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}
