package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// TestTrace runs the operator's sessions under testdata/trace. Beside testscript's own commands and TestSessions' exit they have:
//
//	plane FILE                      the data plane answers every trace with the JSON in FILE (see fakePlane); without it there is none
//	capture FORMAT LINK LOST HEX... make t.cap of packets, in FORMAT pcap or pcapng, of link type LINK, each without its last LOST bytes
//	trace ARGS                      run `woven trace`; stdout, stderr and cmp see its output
func TestTrace(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/trace",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"plane":   func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("PLANE", ts.MkAbs(args[0])) },
			"capture": capture,
			"trace":   traceSession,
			"exit":    exit,
		},
	})
}

// fakePlane is a Tracer that answers what a session's file says, and tells on stderr what it was asked.
type fakePlane struct {
	PortNames []string    `json:"ports"`
	Steps     []TraceStep `json:"steps"`
	// Result is the packet afterwards, in hexadecimal; "": as it was.
	Result string `json:"result"`
	// Error, unless empty, is why it can't be traced.
	Error string `json:"error"`

	log *bytes.Buffer
}

func (p *fakePlane) Ports() []string { return p.PortNames }

func (p *fakePlane) Trace(probe Probe) ([]TraceStep, []byte, error) {
	frame := probe.Frame
	fmt.Fprintf(p.log, "traced from %s: %x\n", probe.Port, frame)
	if p.Error != "" {
		return nil, nil, errors.New(p.Error)
	}
	if p.Result != "" {
		frame, _ = hex.DecodeString(p.Result)
	}
	return p.Steps, frame, nil
}

func (p *fakePlane) Close() error {
	p.log.WriteString("closed\n")
	return nil
}

// fakeMicroflow knows one microflow, from vm1.
func fakeMicroflow(text, port string) ([]byte, string, error) {
	frame, _ := hex.DecodeString("0a00000000020a00000000010800")
	switch text {
	case `inport == "vm1"`:
		return frame, "vm1", nil
	case "ip4":
		return frame, port, nil
	}
	return nil, "", errors.New("column 1: `nonsense' where a field is expected")
}

func traceSession(ts *testscript.TestScript, _ bool, args []string) {
	var stdout, stderr bytes.Buffer
	env := Env{Stdout: &stdout, Stderr: &stderr, RunDir: "/run/test", Now: time.Now}
	env.Commands = []*cobra.Command{TraceCommand(env, Trace{Microflow: fakeMicroflow, Open: func(runDir, bpffs string) (Tracer, error) {
		if ts.Getenv("PLANE") == "" {
			return nil, fmt.Errorf("nothing is pinned: run directory %q, pins %q", runDir, bpffs)
		}
		plane := &fakePlane{log: &stderr}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("PLANE"))), plane))
		return plane, nil
	}})}
	for i, arg := range args { // paths are the session's
		if arg == "t.cap" || strings.HasSuffix(arg, ".pcap") {
			args[i] = ts.MkAbs(arg)
		}
	}
	code := Execute(context.Background(), env, append([]string{"trace"}, args...))
	ts.Setenv("CODE", fmt.Sprint(code))
	clean := strings.NewReplacer(ts.MkAbs("."), "WORK")
	_, _ = clean.WriteString(ts.Stdout(), stdout.String())
	_, _ = clean.WriteString(ts.Stderr(), stderr.String())
}

func capture(ts *testscript.TestScript, _ bool, args []string) {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		ts.Check(err)
		return n
	}
	link, lost := layers.LinkType(number(args[1])), number(args[2])
	var out bytes.Buffer
	var w interface {
		WritePacket(gopacket.CaptureInfo, []byte) error
	}
	flush := func() error { return nil }
	if args[0] == "pcap" {
		plain := pcapgo.NewWriter(&out)
		ts.Check(plain.WriteFileHeader(65536, link))
		w = plain
	} else {
		ng, err := pcapgo.NewNgWriter(&out, link)
		ts.Check(err)
		w, flush = ng, ng.Flush
	}
	for _, text := range args[3:] {
		packet, err := hex.DecodeString(text)
		ts.Check(err)
		info := gopacket.CaptureInfo{Timestamp: now, Length: len(packet), CaptureLength: len(packet) - lost}
		ts.Check(w.WritePacket(info, packet[:info.CaptureLength]))
	}
	ts.Check(flush())
	ts.Check(os.WriteFile(ts.MkAbs("t.cap"), out.Bytes(), 0o600))
}
