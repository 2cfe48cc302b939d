// Package metrics serves what Prometheus scrapes. Everything but the duration of applies is read when a scrape asks
// for it: there are no copies that could differ from the data plane.
//
// How many time series there are is bounded by what is plugged in this node: ports appear only while they have a
// local device, datapaths only while they have a local port, and a drop reason (a word of a module's C source) only
// once it occurred. Texts, addresses and other nodes never become labels.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
)

// Source is what the metrics are read from; its methods are called from several goroutines at once.
type Source interface {
	Status() v1.Status
	Ports() ([]v1.Port, error)
	Drops() ([]v1.DatapathDrops, error)
	// Punts counts what programs gave to user space, by datapath, and what became of that.
	Punts() ([]hover.PuntCount, punt.Counts, error)
	// Usage says how full the tables are.
	Usage() []hover.Usage
	FlowCounts() (hover.FlowCounts, error)
	ConnectionZones() ([]v1.ConnectionZone, error)
}

// Metrics is the set of all metrics of one agent.
type Metrics struct {
	registry *prometheus.Registry
	apply    prometheus.Histogram
}

// New returns metrics that are read from source.
func New(source Source) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		apply: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "woven_apply_duration_seconds",
			Help:    "How long it took to make a desired state live in the data plane.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15), // 0.5 ms to 8 s
		}),
	}
	m.registry.MustRegister(
		nodeCollector{source},
		portCollector{source},
		datapathCollector{source},
		puntCollector{source},
		tableCollector{source},
		connectionCollector{source},
		flowCollector{source},
		m.apply,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// ObserveApply records how long one apply took.
func (m *Metrics) ObserveApply(d time.Duration) { m.apply.Observe(d.Seconds()) }

// Handler answers scrapes. What can't be read is logged and left out of the answer.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		Registry:      m.registry,
	})
}

// metric is one metric of a collector.
type metric struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

func newMetric(kind prometheus.ValueType, name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("woven_"+name, help, labels, nil), kind}
}

// send gives one value to a scrape.
func (m metric) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	sample, err := prometheus.NewConstMetric(m.Desc, m.kind, value, labels...)
	if err != nil {
		m.fail(ch, err)
		return
	}
	ch <- sample
}

// fail tells a scrape that the metric could not be read.
func (m metric) fail(ch chan<- prometheus.Metric, err error) {
	ch <- prometheus.NewInvalidMetric(m.Desc, err)
}
