// Package stats sums up repeated measurements. Pure.
package stats

import (
	"math"
	"slices"
)

// Quantile is the value below which a share q (0..1) of the samples lies, interpolated between neighbours; NaN without samples.
func Quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := min(max(q, 0), 1) * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Median is the middle of the samples.
func Median(samples []float64) float64 { return Quantile(samples, 0.5) }

// Ratio is how one variant compares to another, over all rounds.
type Ratio struct {
	Median float64 `json:"median"`
	// Low and High hold half of the rounds between them: the first and the third quartile.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Compare divides round by round, so that what slows the machine down for a while slows both sides. Rounds that only one
// side has are left out.
func Compare(samples, base []float64) Ratio {
	ratios := make([]float64, 0, len(samples))
	for i := range min(len(samples), len(base)) {
		ratios = append(ratios, samples[i]/base[i])
	}
	return Ratio{Median: Median(ratios), Low: Quantile(ratios, 0.25), High: Quantile(ratios, 0.75)}
}

// Midmean is the mean of the middle half of the samples: finer than the median where a clock ticks coarsely; NaN without samples.
func Midmean(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	middle := sorted[len(sorted)/4 : len(sorted)-len(sorted)/4]
	sum := 0.0
	for _, x := range middle {
		sum += x
	}
	return sum / float64(len(middle))
}
