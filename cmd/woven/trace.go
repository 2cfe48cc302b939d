package main

import (
	"errors"

	"woven.dev/woven/internal/agent"
	"woven.dev/woven/internal/cli"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/modules/std"
)

// traceCommand carries out `woven trace` by packages ovnexpr and hover.
var traceCommand = cli.Trace{Microflow: microflow, Open: openTracer}

// microflow makes the frame of a microflow; where the text is wrong, the error shows it.
func microflow(text, port string) (frame []byte, inport string, err error) {
	frame, inport, err = ovnexpr.MicroflowFrame(text, port)
	var syntax *ovnexpr.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, "", errors.New(syntax.Show())
	case errors.Is(err, ovnexpr.ErrNoInport):
		return nil, "", errors.New("it does not say inport; name the logical port there or by --port")
	}
	return frame, inport, err
}

func openTracer(runDir, bpffs string) (cli.Tracer, error) {
	if bpffs == "" {
		var err error
		if bpffs, err = agent.BPFFS(runDir); err != nil {
			return nil, err
		}
	}
	t, err := hover.OpenTracer(bpffs, std.Kinds())
	if err != nil {
		return nil, err
	}
	return tracer{t}, nil
}

// tracer shows a hover.Tracer to the command line.
type tracer struct{ *hover.Tracer }

// Trace implements cli.Tracer.
func (t tracer) Trace(p cli.Probe) ([]cli.TraceStep, []byte, error) {
	result, err := t.TraceProbe(hover.Probe(p))
	if err != nil {
		return nil, nil, err
	}
	return traceSteps(result.Steps), result.Packet, nil
}

func traceRows(rows []netstate.Row) (out []cli.TraceRow) {
	for _, r := range rows {
		columns := make(map[string]string, len(r.Columns))
		for _, c := range r.Columns {
			columns[c.Name] = c.Value
		}
		out = append(out, cli.TraceRow{Table: r.Table, Columns: columns})
	}
	return out
}

func traceSteps(steps []hover.TraceStep) []cli.TraceStep {
	out := make([]cli.TraceStep, len(steps))
	for i, s := range steps {
		out[i] = cli.TraceStep{
			What: s.What, Module: s.Module, Instance: s.Instance, Datapath: s.ID, Port: s.Port, Group: s.Group,
			Chassis: s.Peer, VNI: s.VNI, Key: s.Key, Reason: s.Reason, Text: s.Text, Object: s.Object, Rows: traceRows(s.Rows),
			Offset: s.Offset, Length: s.Len, Copy: traceSteps(s.Copy),
		}
		if s.Addr.IsValid() {
			out[i].Address = s.Addr.String()
		}
	}
	return out
}
