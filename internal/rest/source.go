package rest

import (
	v1 "woven.dev/woven/api/v1"
)

// Source is where the answers come from; the agent implements it. Its methods are called from several goroutines
// at once, return values that nobody changes afterwards, and take milliseconds: they read memory and maps, never
// a database.
type Source interface {
	Status() v1.Status
	// Ports in ascending order of name, with counters read from the kernel.
	Ports() ([]v1.Port, error)
	// Map in ascending order of the object's type, then name.
	Map() []v1.MapEntry
	// Drops by datapath, in ascending order of key.
	Drops() ([]v1.DatapathDrops, error)
}
