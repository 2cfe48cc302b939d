package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Trace carries out `woven trace`.
type Trace struct {
	// Microflow makes the frame that an OVN microflow describes, and tells its inport: port, unless the text says.
	Microflow func(text, port string) (frame []byte, inport string, err error)
	// Open opens the data plane that is pinned under bpffs, or with "" where the agent of a run directory has it.
	Open func(runDir, bpffs string) (Tracer, error)
}

// Tracer sends packets through a data plane without any effect.
type Tracer interface {
	// Ports are the names of the logical ports plugged on this node.
	Ports() []string
	// Trace tells what becomes of a frame at one of them.
	Trace(p Probe) (steps []TraceStep, packet []byte, err error)
	Close() error
}

// Probe is a frame that a logical port of this node sends or, if it arrives, gets from another node.
type Probe struct {
	Port  string
	Frame []byte
	// Arrives with the key of the port by which the frame came into the switch.
	Arrives bool
	InKey   uint16
	// Answers: it is the reply to a frame that passed.
	Answers bool
}

// TraceCommand is `woven trace`.
func TraceCommand(env Env, trace Trace) *cobra.Command {
	c := &traceCommand{query: query{env: env}, trace: trace}
	cmd := &cobra.Command{
		Use:   "trace [--port PORT] PACKET",
		Short: "Send a packet through the programs of this node without any effect, and tell what becomes of it",
		Long: `Send a packet through the programs of this node as if a logical port that is plugged here had sent it, and tell
what each module decides and why, where copies go, and what the packet has become. Nothing is delivered, counted or
learned. No agent is needed: all of it is pinned. PACKET is

  a microflow, as in ovn-trace(8); ip.ttl is 64 where it does not say
  an Ethernet frame in hexadecimal; blanks and colons don't count
  a capture file (pcap or pcapng), of which each packet is traced`,
		Example: `  woven trace 'inport == "vm1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:02 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && tcp.dst == 80'
  woven trace --port vm1 ffffffffffff0a0000000001080600010800060400010a00000000010a0000010000000000000a000002
  woven trace --port vm1 --max 3 vm1.pcap`,
		Args: c.parse,
		RunE: func(*cobra.Command, []string) error { return c.run() },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.port, "port", "", "logical `port` that sends the packet (default: the microflow's inport)")
	flags.StringVar(&c.bpffs, "bpffs", "", "`directory` with the pins (default: that of the agent with the run directory)")
	flags.StringVar(&c.runDir, "run-dir", env.RunDir, "run `directory` of the agent")
	flags.IntVar(&c.max, "max", 100, "trace at most this `number` of packets of a capture")
	choiceFlag(cmd, &c.format, "output", "o", "format of the output", "text", "json", "yaml")
	return cmd
}

// traceCommand is a command line of `woven trace`.
type traceCommand struct {
	query
	trace       Trace
	port, bpffs string
	max         int

	frame   []byte // the packet, unless there is a capture
	capture string // path
}

// parse understands the arguments; what it refuses is an error of usage.
func (c *traceCommand) parse(cmd *cobra.Command, args []string) error {
	if err := cobra.ExactArgs(1)(cmd, args); err != nil {
		return err
	}
	if c.max < 1 {
		return fmt.Errorf("--max is %d: it must be at least 1", c.max)
	}
	var err error
	switch text := args[0]; kindOf(text) {
	case inHex:
		c.frame, err = parseHex(text)
	case inFile:
		c.capture = text
	default:
		err = c.parseMicroflow(text)
	}
	if err == nil && c.port == "" {
		err = errors.New("--port is missing: which logical port sends the packet?")
	}
	return err
}

func (c *traceCommand) parseMicroflow(text string) error {
	frame, inport, err := c.trace.Microflow(text, c.port)
	if err != nil {
		return fmt.Errorf("microflow: %w", err)
	}
	if c.port != "" && inport != c.port {
		return fmt.Errorf("--port is %q, but the microflow says inport == %q", c.port, inport)
	}
	c.frame, c.port = frame, inport
	return nil
}

// run traces what parse understood.
func (c *traceCommand) run() (err error) {
	frames, more := [][]byte{c.frame}, false
	if c.capture != "" {
		if frames, more, err = readCapture(c.capture, c.max); err != nil {
			return err
		}
	}
	tracer, err := c.trace.Open(c.runDir, c.bpffs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tracer.Close()) }()
	if ports := tracer.Ports(); !slices.Contains(ports, c.port) {
		return notPlugged(c.port, ports)
	}
	results := make([]TraceResult, len(frames))
	for i, frame := range frames {
		steps, packet, err := tracer.Trace(Probe{Port: c.port, Frame: frame})
		if err != nil {
			return fmt.Errorf("packet %d: %w", i+1, err)
		}
		results[i] = newTraceResult(c.port, frame, steps, packet)
	}
	if err := c.print(results, func(t *table) { traceText(t, results) }); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(c.env.Stderr, "woven: %s has more packets than --max %d\n", c.capture, c.max)
	}
	return nil
}

func notPlugged(port string, ports []string) error {
	if close := near(port, ports); len(close) > 0 {
		return fmt.Errorf("no port %q is plugged on this node; did you mean %s?", port, strings.Join(close, " or "))
	}
	return fmt.Errorf("no port %q is plugged on this node; `woven port ls` lists all ports and where they are", port)
}
