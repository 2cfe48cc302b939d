package hover

import "strings"

// steps is told of each step that changes the kernel, in words, before it is done. In production it is nil.
type steps func(step string)

// next announces a step.
func (s steps) next(words ...string) {
	if s != nil {
		s(strings.Join(words, " "))
	}
}
