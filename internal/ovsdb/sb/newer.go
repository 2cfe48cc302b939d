package sb

import "github.com/ovn-kubernetes/libovsdb/model"

// FDBEntry is a row of FDB with the columns of newer releases than that which the other rows were generated from: zero when the server's
// schema lacks them.
type FDBEntry struct {
	UUID      string `ovsdb:"_uuid"`
	DpKey     int    `ovsdb:"dp_key"`
	MAC       string `ovsdb:"mac"`
	PortKey   int    `ovsdb:"port_key"`
	Timestamp int    `ovsdb:"timestamp"` // ms since 1970
}

// IGMPEntry is a row of IGMP_Group likewise.
type IGMPEntry struct {
	UUID        string   `ovsdb:"_uuid"`
	Address     string   `ovsdb:"address"`
	Chassis     *string  `ovsdb:"chassis"`
	ChassisName string   `ovsdb:"chassis_name"`
	Datapath    *string  `ovsdb:"datapath"`
	Ports       []string `ovsdb:"ports"`
	Protocol    string   `ovsdb:"protocol"` // of the last report: "IGMPv1" ...
}

// DNSEntry is a row of DNS likewise.
type DNSEntry struct {
	UUID      string            `ovsdb:"_uuid"`
	Datapaths []string          `ovsdb:"datapaths"`
	Options   map[string]string `ovsdb:"options"`
	Records   map[string]string `ovsdb:"records"`
}

// Newer are the row types above by table, which stand in for the generated ones.
func Newer() map[string]model.Model {
	return map[string]model.Model{FDBTable: &FDBEntry{}, IGMPGroupTable: &IGMPEntry{}, DNSTable: &DNSEntry{}}
}
