package cli

import (
	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// inspection is a rest.Inspection, but for what can't be read, that says what a session's file says.
type inspection struct {
	TypesAnswer      []v1.Type           `json:"types"`
	ModulesAnswer    []v1.ModuleDetails  `json:"modules"`
	TablesAnswer     []v1.Table          `json:"tables"` // of each module
	RowsAnswer       map[string][]v1.Row `json:"rows"`   // by table
	LinksAnswer      []v1.Link           `json:"links"`
	InterfacesAnswer []v1.Interface      `json:"interfaces"`
}

func (i *inspection) Types() []v1.Type { return i.TypesAnswer }
func (i *inspection) Links() []v1.Link { return i.LinksAnswer }

func (i *inspection) modules() (list []v1.ModuleInstance) {
	for _, m := range i.ModulesAnswer {
		list = append(list, m.ModuleInstance)
	}
	return list
}

func (i *inspection) FindModules(name string) (ids []string) {
	for _, m := range i.ModulesAnswer {
		if m.ID == name || m.Name == name {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (i *inspection) Module(id string) (v1.ModuleDetails, error) {
	for _, m := range i.ModulesAnswer {
		if m.ID == id {
			return m, nil
		}
	}
	return v1.ModuleDetails{}, hover.ErrUnknown
}

func (i *inspection) Tables(string) ([]v1.Table, error) { return i.TablesAnswer, nil }

func (i *inspection) Rows(_, table string, limit int) (v1.Rows, error) {
	rows, ok := i.RowsAnswer[table]
	if !ok {
		return v1.Rows{}, hover.ErrUnknown
	}
	n := min(limit, len(rows))
	return v1.Rows{Rows: rows[:n], More: n < len(rows)}, nil
}
