package cli

import (
	"strconv"
	"strings"
)

// near returns the names, quoted and at most three, that someone who wrote name could have meant: those that contain
// it, or differ from it in at most two letters.
func near(name string, names []string) []string {
	var close []string
	for _, n := range names {
		if len(close) < 3 && (strings.Contains(n, name) || editDistance(name, n) <= 2) {
			close = append(close, strconv.Quote(n))
		}
	}
	return close
}

// editDistance is the number of bytes to insert, delete or change to turn a into b (Levenshtein).
func editDistance(a, b string) int {
	above := make([]int, len(b)+1) // distances of a[:i] to each b[:j], for the i before
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := above[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, above[j+1]+1, row[j]+1)
		}
		above = row
	}
	return above[len(b)]
}
