package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says where is measured, and how busy it is with other things.
func machine() []string {
	var u unix.Utsname
	kernel := "?"
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	lines := []string{fmt.Sprintf("kernel %s, %d CPUs", kernel, runtime.NumCPU())}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		lines = append(lines, "load average at start "+strings.Join(strings.Fields(string(b))[:3], " "))
	}
	return lines
}
