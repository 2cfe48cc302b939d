package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	punts = newMetric(prometheus.CounterValue, "punts_total",
		"Packets, or word of packets, that programs gave to the agent; lost: over the rate limit, or the buffer was full.",
		"datapath", "key", "module", "reason", "outcome")
	puntsRead = newMetric(prometheus.CounterValue, "punts_read_total",
		"What the agent did with them since it was started; lost: their handler was busy, stray: of no port here.", "outcome")
)

// puntCollector reads how programs and agent get along.
type puntCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (puntCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- punts.Desc
	ch <- puntsRead.Desc
}

// Collect implements prometheus.Collector.
func (c puntCollector) Collect(ch chan<- prometheus.Metric) {
	counts, read, err := c.source.Punts()
	if err != nil {
		punts.fail(ch, err)
		return
	}
	for _, p := range counts {
		key := strconv.FormatUint(uint64(p.Key), 10)
		punts.send(ch, float64(p.Sent), p.Name, key, p.Kind, p.Reason, "sent")
		punts.send(ch, float64(p.Lost), p.Name, key, p.Kind, p.Reason, "lost")
	}
	puntsRead.send(ch, float64(read.Handled), "handled")
	puntsRead.send(ch, float64(read.Lost), "lost")
	puntsRead.send(ch, float64(read.Stray), "stray")
}
