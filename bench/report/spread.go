package report

import (
	"fmt"
	"io"
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
	// Goal is what 99 of 100 samples are to keep to; 0: none.
	Goal float64 `json:"goal,omitempty"`
}

// WriteText writes a table.
func (s *Spread) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s, %s\thalf within\t99%% within\tmost\tgoal\n", s.Title, s.Unit)
	for _, r := range s.Rows {
		p99 := stats.Quantile(r.Samples, 0.99)
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", r.Name, digits(stats.Median(r.Samples)), digits(p99), digits(stats.Quantile(r.Samples, 1)), r.verdict(p99))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *SpreadRow) verdict(p99 float64) string {
	switch {
	case r.Goal == 0:
		return ""
	case p99 <= r.Goal:
		return fmt.Sprintf("99%% <= %g pass", r.Goal)
	}
	return fmt.Sprintf("99%% <= %g MISS", r.Goal)
}
