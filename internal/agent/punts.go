package agent

import (
	"context"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/modules/router"
	routerconfig "woven.dev/woven/modules/router/config"
)

// punts is what the agent needs of a punt.Reader.
type punts interface {
	Handle(kind string, reason uint32, h punt.Handler)
	Run(ctx context.Context) error
	Counts() punt.Counts
}

// Punts says what became of what the programs punted: by datapath, and of all in the reader.
func (s *Source) Punts() ([]hover.PuntCount, punt.Counts, error) {
	counts, err := s.loop.plane.PuntCounts()
	return counts, s.loop.punts.Counts(), err
}

// handlePunts has punts wake the loop, which then looks for itself, and multicast reports read.
func (l *loop) handlePunts(p punts) {
	p.Handle(config.Kind, l2switch.PuntLearned, func(punt.Punt) {
		if !l.learnedMore.Swap(true) { // else it has been woken
			l.signal()
		}
	})
	p.Handle(config.Kind, l2switch.PuntActivated, func(punt.Punt) { l.signal() })
	p.Handle(config.Kind, l2switch.PuntMulticast, l.snooper.Handle)
	p.Handle(config.Kind, l2switch.PuntDHCP, l.server.DHCP)
	p.Handle(config.Kind, l2switch.PuntDNS, l.server.DNS)
	p.Handle(config.Kind, l2switch.PuntAnnounced, l.virtuals.Handle)
	for reason, handle := range map[uint32]punt.Handler{
		router.PuntLearn: l.routers.Learn, router.PuntResolve: l.routers.Resolve, router.PuntTTL: l.routers.TimeExceeded,
		router.PuntNoRoute: l.routers.NoRoute, router.PuntOwn: l.routers.Own, router.PuntTooBig: l.routers.TooBig,
		router.PuntSolicit: l.routers.Solicited, router.PuntReset: l.routers.Own, router.PuntLearnAsked: l.routers.Learn,
	} {
		p.Handle(routerconfig.Kind, reason, handle)
	}
	l.handleACLs(p)
}
