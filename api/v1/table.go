package v1

import "encoding/json"

// DefaultRows and MaxRows bound how many rows of a table are listed.
const (
	DefaultRows = 100
	MaxRows     = 10000
)

// Table is a table of a module's type or the platform, with the rows of one module: GET /v1/modules/{module}/tables.
type Table struct {
	TableType
	Rows int `json:"rows" doc:"How many rows the module has in it"`
}

// Rows are rows that a module has in a table: GET /v1/modules/{module}/tables/{table}.
type Rows struct {
	Rows []Row `json:"rows" nullable:"false" doc:"In the order of the keys' bytes"`
	More bool  `json:"more" doc:"There are more rows than the limit let through"`
}

// Row is one row. Key and Value are, by the table's layout, a number, a text, or an object of such by member. A port that they lead to
// stands by its name.
type Row struct {
	Key   json.RawMessage `json:"key" doc:"Number, text, or object by member"`
	Value json.RawMessage `json:"value" doc:"Number, text, or object by member"`
}
