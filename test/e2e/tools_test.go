package e2e

import (
	"encoding/json"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab/labtest"
)

// mapOf is `woven map` on a VM's hypervisor.
func mapOf(vm *labtest.VM) []v1.MapEntry {
	var entries []v1.MapEntry
	_ = json.Unmarshal([]byte(vm.Switch.Woven(vm.Hypervisor, "map", "-o", "json")), &entries)
	return entries
}
