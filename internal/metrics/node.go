package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	v1 "woven.dev/woven/api/v1"
)

var (
	buildInfo   = newMetric(prometheus.GaugeValue, "build_info", "Always 1; the label says which version runs.", "version")
	generation  = newMetric(prometheus.CounterValue, "generation_total", "Desired states made live since the agent was started.")
	problems    = newMetric(prometheus.GaugeValue, "problems", "What Woven saw and could not carry out; `woven status` names it.")
	ports       = newMetric(prometheus.GaugeValue, "ports", "Ports of this node by state.", "state")
	dbConnected = newMetric(prometheus.GaugeValue, "database_connected", "1: there is a connection to the database.", "database")
	dbSynced    = newMetric(prometheus.GaugeValue, "database_synced", "1: the database's contents were read completely.", "database")
	nbCfgSeen   = newMetric(prometheus.GaugeValue, "nb_cfg_seen", "SB_Global.nb_cfg as last read.")
	nbCfgLive   = newMetric(prometheus.GaugeValue, "nb_cfg_applied", "The nb_cfg that is live in the data plane.")
	tunnelPeers = newMetric(prometheus.GaugeValue, "tunnel_peers", "Other chassis with a usable tunnel end, by whether there is a route to them.", "route")
)

// nodeCollector reads what concerns the node as a whole.
type nodeCollector struct{ source Source }

// Describe implements prometheus.Collector.
func (nodeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range []metric{buildInfo, generation, problems, ports, dbConnected, dbSynced, nbCfgSeen, nbCfgLive, tunnelPeers} {
		ch <- m.Desc
	}
}

// Collect implements prometheus.Collector.
func (c nodeCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.source.Status()
	buildInfo.send(ch, 1, s.Version)
	generation.send(ch, float64(s.Generation))
	problems.send(ch, float64(len(s.Problems)))
	ports.send(ch, float64(s.Ports.Up), string(v1.PortUp))
	ports.send(ch, float64(s.Ports.Down), string(v1.PortDown))
	ports.send(ch, float64(s.Ports.Waiting), string(v1.PortWaiting))
	ports.send(ch, float64(s.Ports.Failed), string(v1.PortFailed))
	ports.send(ch, float64(s.Ports.Unplugged), string(v1.PortUnplugged))
	for _, db := range s.Databases {
		dbConnected.send(ch, oneIf(db.Connected), db.Name)
		dbSynced.send(ch, oneIf(db.Synced), db.Name)
	}
	nbCfgSeen.send(ch, float64(s.NBCfg.Seen))
	nbCfgLive.send(ch, float64(s.NBCfg.Applied))
	if s.Tunnel != nil {
		sendPeers(ch, s.Tunnel.Peers)
	}
}

func sendPeers(ch chan<- prometheus.Metric, peers []v1.Peer) {
	routed := 0
	for _, p := range peers {
		if p.Device != "" {
			routed++
		}
	}
	tunnelPeers.send(ch, float64(routed), "yes")
	tunnelPeers.send(ch, float64(len(peers)-routed), "no")
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
