package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"woven.dev/woven/bench/stats"
)

// Spread is how long, or how much, things take: the smaller the better, and what happens rarely counts too.
type Spread struct {
	Title string      `json:"title"`
	Unit  string      `json:"unit"`
	Rows  []SpreadRow `json:"rows"`
}

// SpreadRow is one thing with a sample for each time it was done.
type SpreadRow struct {
	Name    string    `json:"name"`
	Samples []float64 `json:"samples"`
	// Half is what half of the samples are to keep to, Goal what 99 of 100 are; 0: none.
	Half float64 `json:"half,omitempty"`
	Goal float64 `json:"goal,omitempty"`
	// Note says why there are no samples.
	Note string `json:"note,omitempty"`
}

// WriteText writes a table.
func (s *Spread) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s, %s\thalf within\t99%% within\tmost\tgoal\n", s.Title, s.Unit)
	for _, r := range s.Rows {
		if r.Note != "" {
			fmt.Fprintf(t, "  %s\t%s\n", r.Name, r.Note)
			continue
		}
		p99 := stats.Quantile(r.Samples, 0.99)
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", r.Name, digits(stats.Median(r.Samples)), digits(p99), digits(stats.Quantile(r.Samples, 1)), r.verdict())
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// verdict says whether the goals are met.
func (r *SpreadRow) verdict() string {
	var goals []string
	for _, g := range []struct {
		share float64
		text  string
		most  float64
	}{{0.5, "half", r.Half}, {0.99, "99%", r.Goal}} {
		if g.most == 0 {
			continue
		}
		verdict := "MISS"
		if stats.Quantile(r.Samples, g.share) <= g.most {
			verdict = "pass"
		}
		goals = append(goals, fmt.Sprintf("%s <= %g %s", g.text, g.most, verdict))
	}
	return strings.Join(goals, ", ")
}
