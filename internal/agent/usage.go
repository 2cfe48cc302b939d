package agent

import "woven.dev/woven/internal/hover"

// Usage says how full the data plane's tables are; see hover.Hover.
func (s *Source) Usage() []hover.Usage { return s.loop.plane.Usage() }
