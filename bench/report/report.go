// Package report turns the samples of a benchmark into a table for people and a document for programs. Pure.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"woven.dev/woven/bench/stats"
)

// Report is all that a run found out.
type Report struct {
	// Machine says where and how it was measured, one fact a line.
	Machine  []string  `json:"machine"`
	Measures []Measure `json:"measures"`
	Spreads  []Spread  `json:"spreads"`
}

// Measure is one thing measured on several variants in turns. The first variant is the baseline.
type Measure struct {
	Title    string    `json:"title"`
	Unit     string    `json:"unit"`
	Variants []Variant `json:"variants"`
}

// Variant is one row: a sample for each round.
type Variant struct {
	Name    string    `json:"name"`
	Samples []float64 `json:"samples"`
	Goal    *Goal     `json:"goal,omitempty"`

	// Filled by Sum.
	Median float64     `json:"median"`
	Ratio  stats.Ratio `json:"ratio"` // to the baseline
	Pass   *bool       `json:"pass,omitempty"`
}

// Goal bounds the median ratio of a variant to the baseline.
type Goal struct {
	AtLeast float64 `json:"atLeast,omitempty"` // 0: no such bound
	AtMost  float64 `json:"atMost,omitempty"`  // 0: no such bound
}

func (g Goal) String() string {
	if g.AtMost > 0 {
		return fmt.Sprintf("<= %gx", g.AtMost)
	}
	return fmt.Sprintf(">= %gx", g.AtLeast)
}

func (g Goal) met(ratio float64) bool {
	return (g.AtMost == 0 || ratio <= g.AtMost) && ratio >= g.AtLeast
}

// Sum fills in what follows from the samples.
func (m *Measure) Sum() {
	for i := range m.Variants {
		v := &m.Variants[i]
		v.Median = stats.Median(v.Samples)
		v.Ratio = stats.Compare(v.Samples, m.Variants[0].Samples)
		if v.Goal != nil {
			pass := v.Goal.met(v.Ratio.Median)
			v.Pass = &pass
		}
	}
}

// WriteText writes a table, after Sum.
func (m *Measure) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n%s\t%s\tratio\thalf of the rounds\tgoal\n", m.Title, m.Unit)
	for _, v := range m.Variants {
		fmt.Fprintf(t, "  %s\t%s\t%.2f\t%.2f to %.2f\t%s\n", v.Name, digits(v.Median), v.Ratio.Median, v.Ratio.Low, v.Ratio.High, v.verdict())
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// verdict says whether the goal is met; "by a hair" when the rounds disagree.
func (v *Variant) verdict() string {
	if v.Goal == nil {
		return ""
	}
	text := v.Goal.String() + " MISS"
	if *v.Pass {
		text = v.Goal.String() + " pass"
	}
	if v.Goal.met(v.Ratio.Low) != v.Goal.met(v.Ratio.High) {
		text += ", by a hair"
	}
	return text
}

// digits writes a number with three digits or more.
func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// WriteJSON writes everything, samples included.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
