package ovsdb

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
)

// errTargetChanged ends a session when SetRemotes was called.
var errTargetChanged = errors.New("remotes or keys were changed")

// target is where Run has to connect to.
type target struct {
	remotes []string
	tls     TLS
	// replaced ends when another target takes this one's place.
	replaced context.Context
	replace  context.CancelFunc
}

func newTarget(remotes []string, keys TLS) *target {
	t := &target{remotes: slices.Clone(remotes), tls: keys}
	t.replaced, t.replace = context.WithCancel(context.Background())
	return t
}

// allows says whether a connection to a remote, made with these keys, may go on.
func (t *target) allows(remote string, keys TLS) bool {
	return slices.Contains(t.remotes, remote) && (keys == t.tls || !strings.HasPrefix(remote, "ssl:"))
}

// route is the order in which remotes are tried.
type route struct {
	target  *target
	untried []string // in this round
	last    string
}

// next returns the remote to try, and whether a round ends with it. A round is in random order, but doesn't begin where the
// last one ended.
func (r *route) next(t *target) (remote string, lastOfRound bool) {
	if t != r.target || len(r.untried) == 0 {
		r.target, r.untried = t, slices.Clone(t.remotes)
		rand.Shuffle(len(r.untried), func(i, j int) { r.untried[i], r.untried[j] = r.untried[j], r.untried[i] })
		if n := len(r.untried); r.untried[0] == r.last {
			r.untried[0], r.untried[n-1] = r.untried[n-1], r.untried[0]
		}
	}
	r.last, r.untried = r.untried[0], r.untried[1:]
	return r.last, len(r.untried) == 0
}
