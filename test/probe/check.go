package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sync/errgroup"
)

// atOnce bounds how many questions are open at a time: each needs a thread in its namespace.
const atOnce = 256

// Case is a question whose outcome is known.
type Case struct {
	Name string // for a person
	Question
	Want Outcome
}

func (c Case) String() string {
	return fmt.Sprintf("%s: %s to %s", c.Name, c.Protocol, netip.AddrPortFrom(c.To, c.Port))
}

// Check asks side by side and returns an error for each question that comes out otherwise.
func Check(ctx context.Context, cases []Case) error {
	errs := make([]error, len(cases))
	var asking errgroup.Group
	asking.SetLimit(atOnce)
	for i, c := range cases {
		asking.Go(func() error {
			got, err := c.Ask(ctx, c.Want)
			switch {
			case err != nil:
				errs[i] = fmt.Errorf("%s: %w, want %s", c, err, c.Want)
			case got != c.Want:
				errs[i] = fmt.Errorf("%s: %s, want %s", c, got, c.Want)
			}
			return nil
		})
	}
	return errors.Join(asking.Wait(), errors.Join(errs...))
}

// Count is how many cases have an outcome.
func Count(cases []Case, want Outcome) (n int) {
	for _, c := range cases {
		if c.Want == want {
			n++
		}
	}
	return n
}
