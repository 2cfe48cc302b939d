package hover

import "woven.dev/woven/sdk/iom/ct"

// Connections gives access to the tracked connections. Slots of instances in zones are those of Instances.
func (h *Hover) Connections() (*ct.Tables, error) { return ct.Open(h.set.Maps) }
