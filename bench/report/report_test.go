package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() Measure {
	return Measure{Title: "TCP", Unit: "Gbit/s", Variants: []Variant{
		{Name: "veth", Samples: []float64{10, 5, 100}},
		{Name: "Woven", Samples: []float64{9.5, 4.5, 90}, Goal: &Goal{AtLeast: 0.9}},
		{Name: "slow", Samples: []float64{8, 4, 80}, Goal: &Goal{AtLeast: 0.9}},
		{Name: "unsteady", Samples: []float64{5, 4.4, 100}, Goal: &Goal{AtLeast: 0.9}},
		{Name: "few lookups", Samples: []float64{40, 20, 400}, Goal: &Goal{AtMost: 4}},
		{Name: "many lookups", Samples: []float64{401, 201, 4001}, Goal: &Goal{AtMost: 4}},
	}}
}

func TestText(t *testing.T) {
	m := sample()
	m.Sum()
	var b bytes.Buffer
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `
TCP             Gbit/s  ratio  half of the rounds  goal
  veth          10.0    1.00   1.00 to 1.00        
  Woven         9.50    0.90   0.90 to 0.93        >= 0.9x pass
  slow          8.00    0.80   0.80 to 0.80        >= 0.9x MISS
  unsteady      5.00    0.88   0.69 to 0.94        >= 0.9x MISS, by a hair
  few lookups   40.0    4.00   4.00 to 4.00        <= 4x pass
  many lookups  401     40.10  40.05 to 40.15      <= 4x MISS
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestJSON(t *testing.T) {
	m := sample()
	m.Sum()
	r := &Report{Machine: []string{"2 CPUs"}, Measures: []Measure{m}}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	back := &Report{}
	if err := json.Unmarshal(b.Bytes(), back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Error(diff)
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestFullDisk(t *testing.T) {
	m := sample()
	m.Sum()
	if err := m.WriteText(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("text: got %v", err)
	}
	if err := (&Report{}).WriteJSON(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("JSON: got %v", err)
	}
}
