package sb

import (
	"reflect"

	"github.com/ovn-kubernetes/libovsdb/model"
)

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

// Model is the database with the rows above in the place of the generated ones.
func Model() (model.ClientDBModel, error) {
	generated, err := FullDatabaseModel()
	if err != nil {
		return model.ClientDBModel{}, err
	}
	rows := make(map[string]model.Model, len(generated.Types()))
	for table, pointer := range generated.Types() {
		rows[table] = reflect.New(pointer.Elem()).Interface()
	}
	rows[FDBTable], rows[IGMPGroupTable] = &FDBEntry{}, &IGMPEntry{}
	return model.NewClientDBModel(generated.Name(), rows)
}
