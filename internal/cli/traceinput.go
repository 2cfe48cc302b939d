package cli

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// inputKind is a way to write the packet of a trace.
type inputKind int

const (
	inMicroflow inputKind = iota
	inHex
	inFile
)

var (
	onlyHex     = regexp.MustCompile(`^[0-9A-Fa-f]+$`)
	almostHex   = regexp.MustCompile(`^[0-9][0-9A-Za-z]*$`) // nothing else that begins with a digit is a microflow
	withoutGaps = strings.NewReplacer(" ", "", ":", "", "\n", "", "\t", "")
)

// kindOf tells how a packet is written. A file whose name looks like something else can be given with its directory.
func kindOf(text string) inputKind {
	digits := withoutGaps.Replace(text)
	switch {
	case onlyHex.MatchString(digits):
		return inHex
	case strings.ContainsAny(text, "=<>!&|"):
		return inMicroflow
	case isFile(text), strings.Contains(text, "/"), strings.HasSuffix(text, ".pcap"), strings.HasSuffix(text, ".pcapng"):
		return inFile
	case almostHex.MatchString(digits):
		return inHex
	}
	return inMicroflow
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// etherLen is the length of an Ethernet header, in bytes.
const etherLen = 14

func parseHex(text string) ([]byte, error) {
	digits := withoutGaps.Replace(text)
	frame, err := hex.DecodeString(digits)
	switch {
	case errors.Is(err, hex.ErrLength):
		return nil, fmt.Errorf("packet in hexadecimal has %d digits, an odd number", len(digits))
	case err != nil:
		return nil, fmt.Errorf("packet in hexadecimal: %w", err)
	case len(frame) < etherLen:
		return nil, fmt.Errorf("packet has %d bytes; an Ethernet header alone has %d", len(frame), etherLen)
	}
	return frame, nil
}

// captureReader reads the packets of a capture.
type captureReader interface {
	gopacket.PacketDataSource
	LinkType() layers.LinkType
}

// readCapture reads at most max packets of a capture file; more says that it has others.
func readCapture(path string, max int) (frames [][]byte, more bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, fmt.Errorf("read capture: %w", err)
	}
	defer f.Close()
	name := filepath.Base(path)
	r, err := openCapture(f)
	if err != nil {
		return nil, false, fmt.Errorf("read capture %s: it is no pcap or pcapng file: %w", name, err)
	}
	for {
		frame, info, err := r.ReadPacketData()
		switch {
		case errors.Is(err, io.EOF) && len(frames) > 0:
			return frames, false, nil
		case errors.Is(err, io.EOF):
			return nil, false, fmt.Errorf("read capture %s: it has no packet", name)
		case err != nil:
			return nil, false, fmt.Errorf("read capture %s, packet %d: %w", name, len(frames)+1, err)
		case r.LinkType() != layers.LinkTypeEthernet:
			return nil, false, fmt.Errorf("read capture %s: its packets are %v, not Ethernet frames: capture on one device, not on \"any\"", name, r.LinkType())
		case len(frames) == max:
			return frames, true, nil
		case info.CaptureLength < info.Length:
			return nil, false, fmt.Errorf("read capture %s, packet %d: only %d of its %d bytes were captured", name, len(frames)+1, info.CaptureLength, info.Length)
		case len(frame) < etherLen:
			return nil, false, fmt.Errorf("read capture %s, packet %d: it has %d bytes; an Ethernet header alone has %d", name, len(frames)+1, len(frame), etherLen)
		}
		frames = append(frames, frame)
	}
}

// openCapture finds out which of the two formats a file has.
func openCapture(f io.Reader) (captureReader, error) {
	r := bufio.NewReader(f)
	magic, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	if string(magic) == "\n\r\r\n" { // pcapng's section header block
		return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(r)
}
