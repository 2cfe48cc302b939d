package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"

	"woven.dev/woven/internal/lab"
)

// story is the demo as it goes on.
type story struct {
	lab   *lab.Lab
	woven string
	out   io.Writer
}

// step is one sentence of the story, and what makes it true.
type step struct {
	says string
	do   func(context.Context) error
}

// tell goes through the steps and stops at the first that fails: the later ones build on it.
func (s *story) tell(ctx context.Context) error {
	steps := []step{
		{"OVN central and two hypervisors run, each with a Woven agent", s.lab.Up},
		{"logical switch sw0 gets two ports; vm1 is plugged on hv1, vm2 on hv2", s.plugTwo},
		{"vm1 reaches vm2 on the other hypervisor", s.reaches("vm1", "10.0.0.2")},
		{"vm2's address is changed by hand to 10.0.0.66, which its port may not use: ping stops", s.changeAddress},
		{"the port's drop counter says why", s.showDrops},
		{"vm2's address is restored: ping works", s.restoreAddress},
		{"vm3 joins on hv2 at run time; both others reach it", s.joinThird},
		{"vm3's logical port is deleted: it is cut off", s.deleteThird},
		{"the agent on hv1 is killed with -9 under a running ping: no reply is lost", s.killAgent},
		{"the agent is started again under a running ping: no reply is lost", s.restartAgent},
		{"router lr0 connects sw0 with switch sw1 and its vm4 on hv2: vm1 reaches vm4", s.route},
		{"an ACL lets nothing in to vm4 but what vm4 asked for: a ping from vm1 stops, and woven explain says why; one from vm4 works", s.protect},
	}
	for i, st := range steps {
		fmt.Fprintf(s.out, "\n%2d. %s\n", i+1, st.says)
		if err := st.do(ctx); err != nil {
			fmt.Fprintln(s.out, "    FAIL")
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		fmt.Fprintln(s.out, "    PASS")
	}
	return nil
}

// run shows a command, runs it in a node and shows what it prints.
func (s *story) run(ctx context.Context, node string, argv ...string) (string, error) {
	s.show(node, argv)
	out, err := s.lab.Exec(ctx, node, argv...)
	for line := range strings.Lines(out) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			fmt.Fprintf(s.out, "      %s\n", line)
		}
	}
	return out, err
}

// show prints a command as it would be typed into a node's shell.
func (s *story) show(node string, argv []string) {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = word
		if strings.Contains(word, " ") {
			words[i] = "'" + word + "'"
		}
	}
	fmt.Fprintf(s.out, "    %s# %s\n", node, strings.Join(words, " "))
}

// reaches returns a step: five of five echo requests are answered.
func (s *story) reaches(from, to string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := s.run(ctx, from, "ping", "-q", "-i", "0.1", "-c", "5", "-W", "1", to)
		if err != nil {
			return err
		}
		return allAnswered(out, 5)
	}
}

// cutOff fails if a single echo request is answered.
func (s *story) cutOff(ctx context.Context, from, to string) error {
	_, err := s.run(ctx, from, "ping", "-q", "-i", "0.1", "-c", "3", "-W", "1", to)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // ping(8): no reply at all
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s still reaches %s", from, to)
	}
	return err
}

// allAnswered reads the summary of ping(8).
func allAnswered(out string, n int) error {
	if want := fmt.Sprintf("%d packets transmitted, %d received, 0%% packet loss", n, n); !strings.Contains(out, want) {
		return fmt.Errorf("want %q, have: %s", want, strings.TrimSpace(out))
	}
	if strings.Contains(out, "duplicates") {
		return fmt.Errorf("replies came twice: %s", strings.TrimSpace(out))
	}
	return nil
}

// addPort makes the logical port of vmN and plugs vmN in on a hypervisor.
func (s *story) addPort(ctx context.Context, n int, hv string) error {
	name, mac, ip := fmt.Sprintf("vm%d", n), fmt.Sprintf("0a:00:00:00:00:%02x", n), fmt.Sprintf("10.0.0.%d", n)
	_, err := s.run(ctx, "central", "ovn-nbctl", "lsp-add", "sw0", name,
		"--", "lsp-set-addresses", name, mac+" "+ip, "--", "lsp-set-port-security", name, mac+" "+ip)
	if err != nil {
		return err
	}
	err = s.lab.AddWorkload(ctx, lab.Workload{
		Name: name, Hypervisor: hv, MAC: mac, Addresses: []netip.Prefix{netip.MustParsePrefix(ip + "/24")},
	})
	if err != nil {
		return err
	}
	_, err = s.lab.NBCtl(ctx, "wait-until", "Logical_Switch_Port", name, "up=true")
	return err
}

// sync returns when every hypervisor forwards what the Northbound database says.
func (s *story) sync(ctx context.Context) error {
	_, err := s.run(ctx, "central", "ovn-nbctl", "--timeout=30", "--wait=hv", "sync")
	return err
}

// underPing runs do after the first of n answers to a ping of 20 requests a second, and fails unless all are answered
// once.
func (s *story) underPing(ctx context.Context, from, to string, n int, do func() error) error {
	argv := []string{"ping", "-i", "0.05", "-W", "2", "-c", fmt.Sprint(n), to}
	cmd, err := s.lab.Command(ctx, from, argv...)
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	s.show(from, argv)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ping: %w", err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "bytes from") {
	}
	doErr := do()
	var summary string
	for lines.Scan() {
		if strings.Contains(lines.Text(), "packets transmitted") {
			summary = lines.Text()
		}
	}
	fmt.Fprintf(s.out, "      %s\n", summary)
	if err := errors.Join(doErr, lines.Err(), cmd.Wait()); err != nil {
		return err
	}
	return allAnswered(summary, n)
}
