package v1

// Type is a kind of module that this node has loaded, or the platform ("iom") that all of them work on: GET /v1/types.
type Type struct {
	Name     string       `json:"name" example:"l2switch"`
	Modules  int          `json:"modules" doc:"Number of its module instances on this node"`
	Programs []string     `json:"programs" nullable:"false" doc:"Its eBPF programs, by name"`
	Tables   []TableType  `json:"tables" nullable:"false" doc:"Its tables, by name"`
	Drops    []DropReason `json:"drops" nullable:"false" doc:"The reasons for which it drops packets"`
}

// TableType describes a table, as its program's object (BTF) tells.
type TableType struct {
	Name       string `json:"name" example:"l2switch_fdbs"`
	Kind       string `json:"kind" doc:"The kernel's kind of map" example:"Hash"`
	MaxEntries uint32 `json:"maxEntries" doc:"How many entries it has room for, those of all modules together"`
	Key        string `json:"key" doc:"Layout of the key in words" example:"struct l2switch_fdb_key {dp u32, mac u8[6]}"`
	Value      string `json:"value" doc:"Layout of the value in words" example:"u32"`
}

// DropReason is a reason for which a type of module drops packets.
type DropReason struct {
	Name string `json:"name" example:"no_port"`
	Text string `json:"text" doc:"The reason in words"`
}
