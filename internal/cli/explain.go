package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// Explanation is what `woven explain` tells.
type Explanation struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Request Journey `json:"request"`
	// Reply is the reply to the request; nil, and NoReply says why, when none is looked at.
	Reply   *Journey `json:"reply,omitempty"`
	NoReply string   `json:"noReply,omitempty"`
}

// Journey is what becomes of one of the two packets.
type Journey struct {
	Verdict Verdict `json:"verdict"`
	// Microflow is the packet, as `woven trace` takes it.
	Microflow string `json:"microflow"`
	// Arrives: the packet comes from another node, and only what becomes of it here is told.
	Arrives bool        `json:"arrives"`
	Trace   TraceResult `json:"trace"`
}

// ExplainCommand is `woven explain`.
func ExplainCommand(env Env, trace Trace) *cobra.Command {
	c := &explainCommand{query: query{env: env}, trace: trace}
	cmd := &cobra.Command{
		Use:   "explain --from PORT --to PORT|ADDRESS [icmp | tcp DPORT | udp DPORT | sctp DPORT]",
		Short: "Tell why a port reaches another one, or an address, or why not",
		Long: `Tell whether a request of one logical port reaches another one, or an IP address, and whether the reply comes back; and which
ACLs, routes and policies decide. The packets are what hosts would send, by what the agent knows of ports and routers; they go
through the programs of this node without any effect, as those of woven trace. The reply is looked at as one of the
connection that the request begins.

Of two ports on two nodes each node tells its half: the sender's what is decided before the tunnel, the receiver's what is
decided behind it. Ask both.`,
		Example: `  woven explain --from vm1 --to vm2
  woven explain --from vm1 --to 192.0.2.7 tcp 443
  woven explain -6 --from vm1 --to vm2 udp 53 -o json`,
		Args:      c.parse,
		RunE:      func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
		ValidArgs: []string{"icmp", "tcp", "udp", "sctp"},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.from, "from", "", "logical `port` that sends the request")
	flags.StringVar(&c.to, "to", "", "logical `port`, or IP address, that it is for")
	flags.BoolVarP(&c.ip6, "ipv6", "6", false, "by IPv6 also where both have IPv4 addresses")
	flags.StringVar(&c.bpffs, "bpffs", "", "`directory` with the pins (default: that of the agent with the run directory)")
	flags.StringVar(&c.runDir, "run-dir", env.RunDir, "run `directory` of the agent to ask")
	choiceFlag(cmd, &c.format, "output", "o", "format of the output", "text", "json", "yaml")
	for _, flag := range []string{"from", "to"} {
		if err := cmd.RegisterFlagCompletionFunc(flag, c.completePort); err != nil {
			panic(err) // the flag is there
		}
	}
	return cmd
}

// explainCommand is a command line of `woven explain`.
type explainCommand struct {
	query
	trace           Trace
	from, to, bpffs string
	ip6             bool
	service         service
}

// parse understands the command line; what it refuses is an error of usage.
func (c *explainCommand) parse(_ *cobra.Command, args []string) (err error) {
	switch {
	case c.from == "":
		return errors.New("--from is missing: which logical port sends the request?")
	case c.to == "":
		return errors.New("--to is missing: which logical port or address is the request for?")
	}
	c.service, err = parseService(args)
	return err
}

func (c *explainCommand) completePort(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return portNames.complete(cmd.Context(), c.client(), prefix)
}

func (c *explainCommand) run(ctx context.Context) (err error) {
	ports, err := c.client().Ports(ctx)
	if err != nil {
		return err
	}
	from, to, err := crowd(ports).ends(c.from, c.to, c.ip6)
	if err != nil {
		return err
	}
	tracer, err := c.trace.Open(c.runDir, c.bpffs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tracer.Close()) }()
	t := explainer{tracer, c.trace, ports}
	e := &Explanation{From: c.from, To: c.to}
	if e.Request, err = t.follow(packet{from: from, to: to, service: c.service}); err != nil {
		return err
	}
	if e.NoReply = noReply(e.Request.Verdict.Outcome, to); e.NoReply == "" {
		reply, err := t.follow(packet{from: to, to: from, service: c.service, answers: true})
		if err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		e.Reply = &reply
	}
	return c.print(e, func(t *table) { explainText(t, e) })
}

// noReply says why a reply is not looked at; "": it is.
func noReply(request Outcome, to end) string {
	switch {
	case to.port == nil:
		return fmt.Sprintf("who has the address %s is not known here", to.addr)
	case to.isRouter() || request == Answered:
		return "it is made on the way"
	case request == Dropped || request == Astray:
		return "the request does not arrive"
	}
	return ""
}

// explainer follows packets.
type explainer struct {
	tracer Tracer
	trace  Trace
	ports  crowd
}

// follow tells what becomes of a packet on this node: from the sender on if that is here, else to the receiver.
func (t explainer) follow(p packet) (Journey, error) {
	here := func(port *v1.Port) bool { return port != nil && slices.Contains(t.tracer.Ports(), port.Name) }
	probe := Probe{Answers: p.answers}
	var j Journey
	var err error
	switch {
	case here(p.from.port):
		probe.Port = p.from.port.Name
		j.Microflow, err = t.ports.microflow(p)
	case here(p.to.port):
		var by *v1.Port
		j.Arrives, probe.Arrives, probe.Port = true, true, p.to.port.Name
		if j.Microflow, by, err = t.ports.arrival(p); err == nil {
			probe.InKey = by.Key
		}
	default:
		err = notHere(p.from.port)
	}
	if err != nil {
		return j, err
	}
	if probe.Frame, _, err = t.trace.Microflow(j.Microflow, ""); err != nil {
		return j, fmt.Errorf("make packet %s: %w", j.Microflow, err)
	}
	steps, after, err := t.tracer.Trace(probe)
	if err != nil {
		return j, err
	}
	j.Trace = newTraceResult(probe.Port, probe.Frame, steps, after)
	j.Verdict = judge(p, steps)
	return j, nil
}

// notHere says where to ask for a port that is not plugged here.
func notHere(p *v1.Port) error {
	if p.Chassis != "" {
		return fmt.Errorf("port %q is on chassis %q: ask there", p.Name, p.Chassis)
	}
	return fmt.Errorf("port %q is %s: it is plugged in nowhere", p.Name, p.State)
}

// explainText is the explanation for people: the sentences first, then what was decided.
func explainText(t *table, e *Explanation) {
	t.line(e.Request.Verdict.Text)
	if e.Reply != nil {
		t.line(e.Reply.Verdict.Text)
	} else {
		t.line("no reply: " + e.NoReply)
	}
	journeyText(t, "request", &e.Request)
	if e.Reply != nil {
		journeyText(t, "reply", e.Reply)
	}
}

func journeyText(t *table, name string, j *Journey) {
	t.section()
	if j.Arrives {
		name += ", as it arrives from another node"
	}
	t.line(name + ": " + j.Microflow)
	stepsText(t, "  ", j.Trace.Steps)
	t.line("  outputs  " + dash(join(j.Trace.Outputs)))
}
