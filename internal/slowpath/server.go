package slowpath

import (
	"log/slog"
	"sync"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath/dhcp"
	"woven.dev/woven/internal/slowpath/dhcp6"
	"woven.dev/woven/internal/slowpath/dns"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/sdk/iom/wire"
)

// ServedSwitch is what the requests of a switch's ports are answered with.
type ServedSwitch struct {
	Slot  uint32    // of the instance
	Zone  *dns.Zone // nil: no names
	Ports map[uint16]ServedPort
}

// ServedPort is a port of this node.
type ServedPort struct {
	Slot  uint32
	DHCP  *dhcp.Config  // nil: DHCPv4 requests are not answered
	DHCP6 *dhcp6.Config // nil: DHCPv6 requests are not answered
}

// Server answers the DHCP and DNS requests that switches hand over, and sends on what it has no answer for. Its methods may be called from any
// goroutine.
type Server struct {
	send Resumer
	log  *slog.Logger

	mu       sync.Mutex
	relay    int
	switches map[string]ServedSwitch // by module ID
}

// NewServer returns one that serves no switch.
func NewServer(send Resumer, log *slog.Logger) *Server { return &Server{send: send, log: log} }

// Configure says what to answer, by module ID; relay is as for Routers. The map must not be changed afterwards.
func (s *Server) Configure(relay int, switches map[string]ServedSwitch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relay, s.switches = relay, switches
}

// port finds a port.
func (s *Server) port(at punt.Port) (relay int, sw ServedSwitch, p ServedPort, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sw = s.switches[at.Module]
	p, ok = sw.Ports[at.Key]
	return s.relay, sw, p, ok
}

// DHCP answers a DHCPv4 or DHCPv6 request.
func (s *Server) DHCP(p punt.Punt) {
	s.serve(p, func(_ ServedSwitch, port ServedPort) ([]byte, string) {
		head, err := frame.Head(p.Data)
		switch {
		case err != nil:
			return nil, err.Error()
		case head.Is4() && port.DHCP != nil:
			return dhcp.Answer(port.DHCP, p.Data)
		case !head.Is4() && port.DHCP6 != nil:
			return dhcp6.Answer(port.DHCP6, p.Data)
		}
		return nil, "no options"
	})
}

// DNS answers a DNS request.
func (s *Server) DNS(p punt.Punt) {
	s.serve(p, func(sw ServedSwitch, _ ServedPort) ([]byte, string) {
		if sw.Zone == nil {
			return nil, "no records"
		}
		return dns.Answer(sw.Zone, p.Data)
	})
}

// serve sends the answer out of the port that the request came from; a request without one goes on from there. One that is not whole is
// lost: its sender repeats it.
func (s *Server) serve(p punt.Punt, answer func(ServedSwitch, ServedPort) ([]byte, string)) {
	relay, sw, port, ok := s.port(p.Port)
	if !ok || p.Length > len(p.Data) {
		return
	}
	reply, why := answer(sw, port)
	resume := wire.Resume{Dp: sw.Slot, Port: port.Slot, Leaves: 1}
	if reply == nil {
		resume.Leaves, resume.Mark = 0, p.Mark
		var err error
		if reply, err = frame.Finish(p.Data); err != nil {
			return
		}
	}
	s.log.Debug("request", "switch", p.Port.Module, "port", p.Port.Key, "answer", why)
	if err := s.send.Resume(relay, resume, reply); err != nil {
		s.log.Debug("answer is lost", "switch", p.Port.Module, "port", p.Port.Key, "error", err)
	}
}
