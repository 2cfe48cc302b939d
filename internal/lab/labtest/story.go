package labtest

import (
	"maps"
	"slices"
	"testing"

	"woven.dev/woven/internal/lab"
)

// Stories are tests in a lab that others use at the same time, by name.
type Stories map[string]func(*testing.T, *lab.Lab)

// Tell runs stories side by side, in one subtest, and returns when all have ended.
func Tell(t *testing.T, l *lab.Lab, stories Stories) {
	t.Run("in one lab", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(stories)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stories[name](t, l)
			})
		}
	})
}
