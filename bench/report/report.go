// Package report turns the samples of a benchmark into a table for people and a document for programs. Pure.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"woven.dev/woven/bench/stats"
)

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

	Median float64     `json:"median"` // filled by New
	Ratio  stats.Ratio `json:"ratio"`  // to the baseline; filled by New
	Pass   *bool       `json:"pass,omitempty"`
}

// Goal bounds a variant's median: as a ratio to the baseline, or, with InUnits, as it is.
type Goal struct {
	AtLeast float64 `json:"atLeast,omitempty"` // 0: no such bound
	AtMost  float64 `json:"atMost,omitempty"`  // 0: no such bound
	InUnits bool    `json:"inUnits,omitempty"`
}

func (g Goal) String() string {
	unit := "x"
	if g.InUnits {
		unit = ""
	}
	if g.AtMost > 0 {
		return fmt.Sprintf("<= %g%s", g.AtMost, unit)
	}
	return fmt.Sprintf(">= %g%s", g.AtLeast, unit)
}

func (g Goal) met(v *Variant) bool {
	x := v.Ratio.Median
	if g.InUnits {
		x = v.Median
	}
	return (g.AtMost == 0 || x <= g.AtMost) && x >= g.AtLeast
}

// Report is all that a run found out.
type Report struct {
	// Machine says where and how it was measured, one fact a line.
	Machine  []string  `json:"machine"`
	Measures []Measure `json:"measures"`
}

// New sums the samples up.
func New(machine []string, measures []Measure) *Report {
	r := &Report{Machine: machine}
	for _, m := range measures {
		done := Measure{Title: m.Title, Unit: m.Unit}
		for _, v := range m.Variants {
			v.Median = stats.Median(v.Samples)
			v.Ratio = stats.Compare(v.Samples, m.Variants[0].Samples)
			if v.Goal != nil {
				pass := v.Goal.met(&v)
				v.Pass = &pass
			}
			done.Variants = append(done.Variants, v)
		}
		r.Measures = append(r.Measures, done)
	}
	return r
}

// WriteText writes a table for each measure.
func (r *Report) WriteText(w io.Writer) error {
	for _, line := range r.Machine {
		fmt.Fprintln(w, line)
	}
	for _, m := range r.Measures {
		fmt.Fprintf(w, "\n%s\n", m.Title)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(t, "\t%s\tratio\thalf of the rounds\tgoal\t\t\n", m.Unit)
		for _, v := range m.Variants {
			fmt.Fprintf(t, "%s\t%s\t%.2f\t%.2f to %.2f\t%s\t\n", v.Name, short(v.Median), v.Ratio.Median, v.Ratio.Low, v.Ratio.High, v.verdict())
		}
		if err := t.Flush(); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

// verdict is two columns: the goal and whether it is met.
func (v *Variant) verdict() string {
	switch {
	case v.Goal == nil:
		return "\t"
	case *v.Pass:
		return v.Goal.String() + "\tpass"
	default:
		return v.Goal.String() + "\tMISS"
	}
}

// short writes three digits or more.
func short(x float64) string {
	switch {
	case x >= 100 || x <= -100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10 || x <= -10:
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
