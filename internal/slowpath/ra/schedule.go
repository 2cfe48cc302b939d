package ra

import "time"

// The first advertisements come faster, for hosts that have just been started (RFC 4861 section 10).
const (
	initialCount    = 3
	initialInterval = 16 * time.Second
)

// Next says when the advertisement after those that were sent is due: sent so many, the last one at the given time. random returns a
// duration from 0 up to, and not including, its argument, which is greater than 0. Nothing is due earlier than now; the first one is due at once.
func Next(c *Config, sent int, last, now time.Time, random func(time.Duration) time.Duration) time.Time {
	if sent == 0 {
		return now
	}
	wait := c.minInterval
	if spread := c.maxInterval - c.minInterval; spread > 0 {
		wait += random(spread)
	}
	if sent < initialCount {
		wait = min(wait, initialInterval)
	}
	if due := last.Add(wait); due.After(now) {
		return due
	}
	return now
}
