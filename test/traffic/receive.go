package traffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// receiver notes what arrives of a flow, at all its places.
type receiver struct {
	flow         uint64
	port         int // UDP, the same at all places
	conns        []*net.UDPConn
	reading      sync.WaitGroup
	begun, ended mark

	mu     sync.Mutex
	copies []uint8 // arrivals by number, up to 255
}

// mark is a packet that is sent until it has arrived once.
type mark struct {
	arrived chan struct{} // closed then
	attempt uint64        // that arrived first
	once    sync.Once
}

func (m *mark) note(attempt uint64) {
	m.once.Do(func() { m.attempt = attempt; close(m.arrived) })
}

// listen opens the receiving sockets of a flow.
func listen(flow Flow, id uint64) (*receiver, error) {
	r := &receiver{flow: id, begun: mark{arrived: make(chan struct{})}, ended: mark{arrived: make(chan struct{})}}
	for _, place := range append([]Place{flow.To}, flow.Also...) {
		var conn *net.UDPConn
		err := place(func() (err error) {
			conn, err = open(flow.Dest, r.port)
			return err
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open receiver: %w", err), r.close())
		}
		r.port = conn.LocalAddr().(*net.UDPAddr).Port
		r.conns = append(r.conns, conn)
		r.reading.Go(func() { r.read(conn) })
	}
	return r, nil
}

// open opens a socket for the family of an address, in the thread's namespace; port 0 leaves the choice to the kernel.
func open(family netip.Addr, port int) (*net.UDPConn, error) {
	conn, err := net.ListenUDP(network(family), &net.UDPAddr{Port: port})
	if err != nil {
		return nil, err
	}
	err = control(conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("enlarge receive buffer: %w", err), conn.Close())
	}
	return conn, nil
}

// control runs f on a connection's file descriptor.
func control(conn *net.UDPConn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = raw.Control(func(fd uintptr) { ferr = f(int(fd)) })
	return errors.Join(err, ferr)
}

// read notes packets until the socket has a deadline.
func (r *receiver) read(conn *net.UDPConn) {
	b := make([]byte, packetLength+1)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		r.note(b[:n])
	}
}

// drain notes what is in a socket's queue still: all that came before the end mark.
func (r *receiver) drain(fd int) error {
	b := make([]byte, packetLength+1)
	for {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read receive queue: %w", err)
		}
		r.note(b[:n])
	}
}

func (r *receiver) note(b []byte) {
	p, ok := parse(b)
	if !ok || p.flow != r.flow {
		return
	}
	switch p.kind {
	case packetBegin:
		r.begun.note(p.number)
	case packetEnd:
		r.ended.note(p.number)
	case packetNumbered:
		r.count(p.number)
	}
}

func (r *receiver) count(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uint64(len(r.copies)) <= number {
		r.copies = append(r.copies, 0)
	}
	r.copies[number] += min(1, 255-r.copies[number])
}

// close ends the receiver when it has noted all that has arrived.
func (r *receiver) close() error {
	var errs []error
	for _, conn := range r.conns {
		errs = append(errs, conn.SetReadDeadline(aLongTimeAgo))
	}
	r.reading.Wait()
	for _, conn := range r.conns {
		errs = append(errs, control(conn, r.drain), conn.Close())
	}
	return errors.Join(errs...)
}

// Result says what became of a flow's numbered packets.
type Result struct {
	// Late is how many packets were lost before one got through at all. They are not numbered.
	Late       int
	Sent, Lost int
	// Twice counts the arrivals beyond each packet's first.
	Twice int
	// LostRanges are the first and last numbers of gaps.
	LostRanges [][2]int
}

// result evaluates the arrivals of sent packets.
func (r *receiver) result(sent int) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := &Result{Sent: sent, Late: int(r.begun.attempt)}
	for number := range sent {
		copies := 0
		if number < len(r.copies) {
			copies = int(r.copies[number])
		}
		res.Twice += max(copies-1, 0)
		if copies > 0 {
			continue
		}
		res.Lost++
		if last := len(res.LostRanges) - 1; last >= 0 && res.LostRanges[last][1] == number-1 {
			res.LostRanges[last][1] = number
		} else {
			res.LostRanges = append(res.LostRanges, [2]int{number, number})
		}
	}
	return res
}

// maxRanges is how many gaps a text lists.
const maxRanges = 8

func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d late, %d sent, %d lost, %d twice", r.Late, r.Sent, r.Lost, r.Twice)
	for i, gap := range r.LostRanges {
		if i == maxRanges {
			fmt.Fprintf(&b, ", and %d gaps more", len(r.LostRanges)-maxRanges)
			break
		}
		fmt.Fprintf(&b, "; gap %d-%d", gap[0], gap[1])
	}
	return b.String()
}
