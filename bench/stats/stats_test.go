package stats

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	tests := []struct {
		name    string
		samples []float64
		q       float64
		want    float64
	}{
		{"odd", []float64{9, 1, 5}, 0.5, 5},
		{"even", []float64{4, 1, 3, 2}, 0.5, 2.5},
		{"one", []float64{7}, 0.25, 7},
		{"first quartile", []float64{1, 2, 3, 4, 5}, 0.25, 2},
		{"between", []float64{0, 10}, 0.75, 7.5},
		{"least", []float64{3, 1, 2}, 0, 1},
		{"most", []float64{3, 1, 2}, 1, 3},
		{"share below 0", []float64{3, 1, 2}, -1, 1},
		{"share above 1", []float64{3, 1, 2}, 2, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Quantile(tt.samples, tt.q); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNoSamples(t *testing.T) {
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
	if got := Compare([]float64{1}, nil); !math.IsNaN(got.Median) {
		t.Errorf("ratio to nothing is %v", got)
	}
}

func TestSamplesStayInOrder(t *testing.T) {
	samples := []float64{3, 1, 2}
	Median(samples)
	if diff := cmp.Diff([]float64{3, 1, 2}, samples); diff != "" {
		t.Error(diff)
	}
}

// A machine that is half as fast in some rounds changes no ratio.
func TestCompareByRound(t *testing.T) {
	got := Compare([]float64{8, 4, 8, 2}, []float64{10, 5, 10, 2.5})
	if diff := cmp.Diff(Ratio{0.8, 0.8, 0.8}, got); diff != "" {
		t.Error(diff)
	}
	got = Compare([]float64{5, 10, 20, 40, 80, 1000}, []float64{10, 10, 10, 10, 10})
	if diff := cmp.Diff(Ratio{2, 1, 4}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMidmean(t *testing.T) {
	for _, tt := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{20, 10, 10, 1000, 20, 20, 0, 10}, 15},
		{[]float64{7}, 7},
		{[]float64{1, 2}, 1.5},
	} {
		if got := Midmean(tt.samples); got != tt.want {
			t.Errorf("midmean of %v: got %v, want %v", tt.samples, got, tt.want)
		}
	}
	if got := Midmean(nil); !math.IsNaN(got) {
		t.Errorf("midmean of nothing is %v", got)
	}
}
