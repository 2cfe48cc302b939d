package faults

import (
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestChassisRowsDeleted has somebody else delete rows of hv1: what stays on hv1 loses nothing meanwhile, the agent makes
// the rows again, and then both hypervisors are joined as before.
func TestChassisRowsDeleted(t *testing.T) {
	c := up(t, labtest.Woven(t), "chs")
	before := c.registration("hv1")
	for what, argv := range map[string][]string{
		"Chassis and Chassis_Private": {"chassis-del", "hv1"},
		"Chassis_Private":             {"destroy", "Chassis_Private", "hv1"},
		"Encap": {"--id=@e", "create", "Encap", "type=vxlan", "ip=192.0.2.1", "chassis_name=hv1",
			"--", "set", "Chassis", "hv1", "encaps=@e"},
	} {
		flows := c.send(both(c.vm1, c.vm2))
		for range 5 {
			c.SB(argv...)
			c.Eventually("hv1 is registered again after its "+what+" was deleted", func() error {
				if after := c.registration("hv1"); after != before {
					return fmt.Errorf("have\n%swant\n%s", after, before)
				}
				return nil
			})
			c.Sync()
		}
		flows.finish()
		c.healthy("hv1")
		c.allReach()
	}
}

// registration is what the Southbound database says about a chassis, but UUIDs and counters.
func (c *cloud) registration(chassis string) string {
	c.t.Helper()
	var text strings.Builder
	text.WriteString(c.SB("--columns=name,hostname,other_config,external_ids", "find", "Chassis", "name="+chassis))
	text.WriteString(c.SB("--columns=type,ip,options", "find", "Encap", "chassis_name="+chassis))
	uuid := strings.TrimSpace(c.SB("--bare", "--columns=_uuid", "find", "Chassis", "name="+chassis))
	if uuid == "" {
		return text.String()
	}
	text.WriteString(c.SB("--columns=name", "find", "Chassis_Private", "chassis="+uuid))
	for _, vm := range []*labtest.VM{c.vm1, c.vm2, c.vm3} {
		text.WriteString(c.SB("--columns=logical_port,up", "find", "Port_Binding", "chassis="+uuid, "logical_port="+vm.Port))
	}
	return text.String()
}

// TestSecondAgent starts a second agent, and a cleanup, beside a running agent: both are refused and say by whom.
func TestSecondAgent(t *testing.T) {
	c := up(t, labtest.Woven(t), "sec")
	w := c.watch(c.vm1, c.vm2, c.vm3)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3))
	want := fmt.Sprintf("run directory %s is in use by the agent with pid %d", c.Lab.RunDir("hv1"), c.agentPID("hv1"))
	for _, flag := range []string{"--attach=auto", "--cleanup"} {
		_, err := c.agentCommand("hv1", flag)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("agent %s: %v, want: %s", flag, err, want)
		}
	}
	c.Sync()
	c.healthy("hv1")
	flows.finish()
	w.steady()
}

// agentCommand runs `woven agent` with a flag beside the supervised one of a hypervisor, to its end.
func (c *cloud) agentCommand(hv, flag string) (string, error) {
	return c.Lab.Woven(c.t.Context(), hv, "agent", "--ovs", "unix:"+c.Lab.Dir()+"/"+hv+"/db.sock",
		"--run-dir", c.Lab.RunDir(hv), "--bpffs", c.Lab.BPFFS(hv), flag)
}

// agentPID is the process ID of a hypervisor's agent.
func (c *cloud) agentPID(hv string) int {
	c.t.Helper()
	nodes, err := lab.List(c.Lab.Dir())
	c.ok(err)
	for _, node := range nodes {
		for _, p := range node.Processes {
			if node.Name == hv && p.Name == "woven" {
				return p.PID
			}
		}
	}
	c.t.Fatalf("no agent runs on %s", hv)
	return 0
}
