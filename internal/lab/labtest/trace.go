package labtest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
)

var ovnTraceOutput = regexp.MustCompile(`output\("([^"]+)"\)`)

// OVNOutputs are the ports to which a packet that a VM of the switch sends goes by ovn-trace(8), sorted.
func (s *Switch) OVNOutputs(microflow string) []string {
	s.t.Helper()
	ports := map[string]bool{}
	for _, m := range ovnTraceOutput.FindAllStringSubmatch(s.Exec("central", "ovn-trace", "--minimal", s.Name, microflow), -1) {
		ports[m[1]] = true
	}
	return slices.Sorted(maps.Keys(ports))
}

// TraceOutput is where a packet leaves a node: by a port, or to those members of a group that a chassis has.
type TraceOutput struct{ Port, Group, Chassis string }

// WovenOutputs are where a packet goes by `woven trace` on a hypervisor.
func (s *Switch) WovenOutputs(hv, microflow string) []TraceOutput {
	s.t.Helper()
	text := s.Woven(hv, "trace", "-o", "json", microflow)
	var results []struct{ Outputs []TraceOutput }
	if err := json.Unmarshal([]byte(text), &results); err != nil || len(results) != 1 {
		s.t.Fatalf("%v: %s", err, text)
	}
	return results[0].Outputs
}
