package report

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	many := make([]float64, 101)
	for i := range many {
		many[i] = float64(i)
	}
	s := Spread{Title: "port added", Unit: "ms", Rows: []SpreadRow{
		{Name: "to the table", Samples: many, Goal: 99},
		{Name: "to the first ping", Samples: many, Goal: 98},
		{Name: "to ovn-installed", Samples: []float64{1.5}},
		{Name: "halves", Samples: many, Half: 50, Goal: 98},
		{Name: "half", Samples: many, Half: 49},
		{Name: "stock", Note: "is not installed"},
	}}
	var b bytes.Buffer
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `
port added, ms       half within  99% within  most  goal
  to the table       50.0         99.0        100   99% <= 99 pass
  to the first ping  50.0         99.0        100   99% <= 98 MISS
  to ovn-installed   1.50         1.50        1.50  
  halves             50.0         99.0        100   half <= 50 pass, 99% <= 98 MISS
  half               50.0         99.0        100   half <= 49 MISS
  stock              is not installed
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	if err := s.WriteText(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
