package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	portPackets = newMetric(prometheus.CounterValue, "port_packets_total",
		"Packets of a local port; rx comes from the workload, tx goes to it.", "port", "switch", "direction")
	portBytes = newMetric(prometheus.CounterValue, "port_bytes_total",
		"Bytes of a local port; rx comes from the workload, tx goes to it.", "port", "switch", "direction")
	portDrops = newMetric(prometheus.CounterValue, "port_dropped_packets_total",
		"Packets dropped on a local port.", "port", "switch", "module", "reason")
	datapathDrops = newMetric(prometheus.CounterValue, "datapath_dropped_packets_total",
		"Packets dropped in a datapath, those of its ports included; without datapath: those that reached none.",
		"datapath", "key", "module", "reason")
)

// portCollector reads the counters of the ports that have a device on this node.
type portCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (portCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- portPackets.Desc
	ch <- portBytes.Desc
	ch <- portDrops.Desc
}

// Collect implements prometheus.Collector.
func (c portCollector) Collect(ch chan<- prometheus.Metric) {
	all, err := c.source.Ports()
	if err != nil {
		portPackets.fail(ch, err)
		return
	}
	for _, p := range all {
		if p.Device == "" {
			continue
		}
		portPackets.send(ch, float64(p.Counters.RxPackets), p.Name, p.Switch, "rx")
		portPackets.send(ch, float64(p.Counters.TxPackets), p.Name, p.Switch, "tx")
		portBytes.send(ch, float64(p.Counters.RxBytes), p.Name, p.Switch, "rx")
		portBytes.send(ch, float64(p.Counters.TxBytes), p.Name, p.Switch, "tx")
		for _, d := range p.Drops {
			portDrops.send(ch, float64(d.Packets), p.Name, p.Switch, d.Module, d.Reason)
		}
	}
}

// datapathCollector reads the drops of each datapath.
type datapathCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (datapathCollector) Describe(ch chan<- *prometheus.Desc) { ch <- datapathDrops.Desc }

// Collect implements prometheus.Collector.
func (c datapathCollector) Collect(ch chan<- prometheus.Metric) {
	all, err := c.source.Drops()
	if err != nil {
		datapathDrops.fail(ch, err)
		return
	}
	for _, dp := range all {
		key := ""
		if dp.Key != 0 {
			key = strconv.FormatUint(uint64(dp.Key), 10)
		}
		for _, d := range dp.Drops {
			datapathDrops.send(ch, float64(d.Packets), dp.Datapath, key, d.Module, d.Reason)
		}
	}
}
