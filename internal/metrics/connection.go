package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	portConnections = newMetric(prometheus.GaugeValue, "port_connections", "Established connections of a port.", "port", "switch")
	connectionLimit = newMetric(prometheus.GaugeValue, "port_connections_limit", "How many established connections the port may have.", "port", "switch")
	refused         = newMetric(prometheus.CounterValue, "port_connections_refused_total",
		"Connections of a port that found no room among the established ones.", "port", "switch")
)

// connectionCollector reads how many connections ports have.
type connectionCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (connectionCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- portConnections.Desc
	ch <- connectionLimit.Desc
	ch <- refused.Desc
}

// Collect implements prometheus.Collector.
func (c connectionCollector) Collect(ch chan<- prometheus.Metric) {
	zones, err := c.source.ConnectionZones()
	if err != nil {
		portConnections.fail(ch, err)
		return
	}
	for _, z := range zones {
		portConnections.send(ch, float64(z.Established), z.Port, z.Switch)
		connectionLimit.send(ch, float64(z.Limit), z.Port, z.Switch)
		refused.send(ch, float64(z.Refused), z.Port, z.Switch)
	}
}
