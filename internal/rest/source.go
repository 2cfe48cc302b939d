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
	// ACLs by switch, each in the order in which they are looked at. A switch or port that there is not gives hover.ErrUnknown.
	ACLs(of v1.ACLFilter) ([]v1.ACL, error)
	Inspection
	Tracking
}

// Inspection is what a Source shows of the data plane itself. What is asked for a module or table that there is not gives
// hover.ErrUnknown.
type Inspection interface {
	// Types of modules, the platform first.
	Types() []v1.Type
	// Modules in ascending order of name.
	Modules() ([]v1.ModuleInstance, error)
	// FindModules returns the IDs of the modules that an ID or a name stands for.
	FindModules(name string) []string
	// Module, Tables and Rows are of one module by its ID; tables in ascending order of name, at most limit rows.
	Module(id string) (v1.ModuleDetails, error)
	Tables(id string) ([]v1.Table, error)
	Rows(id, table string, limit int) (v1.Rows, error)
	// Links in ascending order of module, then port.
	Links() []v1.Link
	// Interfaces in ascending order of name.
	Interfaces() ([]v1.Interface, error)
}
