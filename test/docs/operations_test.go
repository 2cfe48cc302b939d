package docs

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/metrics"
	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
)

// operationsPage is what operators read.
func operationsPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// everyMetric is an agent that has something to say for each metric.
type everyMetric struct{}

func (everyMetric) Status() v1.Status {
	return v1.Status{Databases: []v1.Database{{Name: "x"}}, Tunnel: &v1.Tunnel{}}
}

func (everyMetric) Ports() ([]v1.Port, error) {
	return []v1.Port{{Name: "x", Device: "x", Drops: []v1.Drop{{Module: "x"}}}}, nil
}

func (everyMetric) Drops() ([]v1.DatapathDrops, error) {
	return []v1.DatapathDrops{{Drops: []v1.Drop{{Module: "x"}}}}, nil
}

func (everyMetric) Punts() ([]hover.PuntCount, punt.Counts, error) {
	return []hover.PuntCount{{Name: "x"}}, punt.Counts{}, nil
}

func (everyMetric) FlowCounts() (hover.FlowCounts, error) { return hover.FlowCounts{}, nil }
func (everyMetric) Usage() []hover.Usage                  { return []hover.Usage{{Table: "x"}} }

func (everyMetric) ConnectionZones() ([]v1.ConnectionZone, error) {
	return []v1.ConnectionZone{{Port: "x"}}, nil
}

// TestOperationsMetrics: the page names each metric of Woven's own, and none that isn't there.
func TestOperationsMetrics(t *testing.T) {
	answer := httptest.NewRecorder()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	metrics.New(everyMetric{}).Handler(log).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (woven_\w+)`).FindAllStringSubmatch(string(text), -1) {
		have[m[1]] = true
	}
	page := operationsPage(t)
	for name := range have {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/operations.md says nothing about the metric %s", name)
		}
	}
	for _, m := range regexp.MustCompile("`(woven_\\w+)`").FindAllStringSubmatch(page, -1) {
		if !have[m[1]] {
			t.Errorf("docs/operations.md names %s, which is no metric", m[1])
		}
	}
}

// TestOperationsDrops: the page says what to do about each drop reason.
func TestOperationsDrops(t *testing.T) {
	spec, err := iom.NewSpec(std.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	page := operationsPage(t)
	modules := []string{"iom"}
	for _, kind := range spec.Kinds {
		modules = append(modules, kind.Name)
	}
	for _, module := range modules {
		reasons, err := spec.Drops(module)
		if err != nil {
			t.Fatal(err)
		}
		for _, reason := range reasons {
			row := fmt.Sprintf("(?m)^\\| `%s` \\|[^|]*`%s`[^|]*\\|", module, reason.Name)
			if !regexp.MustCompile(row).MatchString(page) {
				t.Errorf("docs/operations.md has no row for %s's reason %s", module, reason.Name)
			}
		}
	}
}

// TestOperationsSizes: the sizes on the page are the tables'.
func TestOperationsSizes(t *testing.T) {
	spec, err := iom.NewSpec(std.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\d+) \\|").FindAllStringSubmatch(operationsPage(t), -1)
	if len(rows) == 0 {
		t.Fatal("docs/operations.md has no table of sizes")
	}
	for _, row := range rows {
		table, ok := spec.Maps[row[1]]
		if !ok {
			t.Errorf("docs/operations.md has a size of %s, which is no table", row[1])
		} else if got := fmt.Sprint(table.MaxEntries); got != row[2] {
			t.Errorf("docs/operations.md says that %s has %s entries, it has %s", row[1], row[2], got)
		}
	}
}
