package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	tableRows    = newMetric(prometheus.GaugeValue, "table_rows", "Rows of a table of the data plane that are in use.", "table")
	tableMaxRows = newMetric(prometheus.GaugeValue, "table_max_rows", "How many rows the table has room for; what needs more is refused, and a problem.", "table")
)

// tableCollector reads how full the tables are.
type tableCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (tableCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- tableRows.Desc
	ch <- tableMaxRows.Desc
}

// Collect implements prometheus.Collector.
func (c tableCollector) Collect(ch chan<- prometheus.Metric) {
	for _, u := range c.source.Usage() {
		tableRows.send(ch, float64(u.Rows), u.Table)
		tableMaxRows.send(ch, float64(u.Max), u.Table)
	}
}
