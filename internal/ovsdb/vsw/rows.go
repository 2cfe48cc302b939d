package vsw

//go:generate go tool modelgen -p vsw -o . /usr/share/openvswitch/vswitch.ovsschema

// Rows are the tables of the local Open_vSwitch database that Woven reads, by row UUID. A row that did not
// change between two snapshots is the same pointer in both. Rows and
// their maps and slices are read only. References may dangle.
type Rows struct {
	OpenvSwitch map[string]*OpenvSwitch
	Bridge      map[string]*Bridge
	Port        map[string]*Port
	Interface   map[string]*Interface
	SSL         map[string]*SSL
}
