package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	flowHits   = newMetric(prometheus.CounterValue, "flow_cache_hits_total", "Packets that the flow cache sent on at once.")
	flowNotes  = newMetric(prometheus.CounterValue, "flow_cache_notes_total", "Packets that passed all modules and were noted in the flow cache.")
	flowChecks = newMetric(prometheus.CounterValue, "flow_cache_checks_total",
		"Packets that passed all modules to be compared with what the flow cache had (woven-flow-cache=check=N).")
	flowDifferences = newMetric(prometheus.CounterValue, "flow_cache_differences_total", "Of the packets that were compared, those that came out differently.")
)

// flowCollector reads what the flow cache did.
type flowCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (flowCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []metric{flowHits, flowNotes, flowChecks, flowDifferences} {
		ch <- m.Desc
	}
}

// Collect implements prometheus.Collector.
func (c flowCollector) Collect(ch chan<- prometheus.Metric) {
	n, err := c.source.FlowCounts()
	if err != nil {
		flowHits.fail(ch, err)
		return
	}
	flowHits.send(ch, float64(n.Hits))
	flowNotes.send(ch, float64(n.Notes))
	flowChecks.send(ch, float64(n.Checks))
	flowDifferences.send(ch, float64(n.Differences))
}
