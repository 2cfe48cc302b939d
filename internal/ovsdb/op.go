package ovsdb

// OpKind is what an Op does.
type OpKind string

// Kinds of operations, RFC 7047 section 5.2.
const (
	Insert OpKind = "insert"
	Update OpKind = "update"
	Delete OpKind = "delete"
)

// Op is one operation of a transaction, as plain data: deciding code returns Ops, DB.Transact carries them out.
type Op struct {
	Kind OpKind
	// Row is a pointer to a row of package nb, sb or vsw. Its UUID names the row. For an Insert the UUID is a made-up
	// name (letters, digits, underscores) by which other rows of the same transaction may refer to it, or empty.
	Row any
	// Columns to write, by their OVSDB names; an Insert without Columns writes every column that is not zero.
	// A column that the server's schema lacks is left out.
	Columns []string
	// SetKeys and DelKeys change single keys of map columns of strings, by column, and leave the other keys alone (Update only).
	SetKeys map[string]map[string]string
	DelKeys map[string][]string
	// If: columns of Row (by name) that must still have the value they have in If's row for the operation to have an
	// effect; nil: always. Compare and set: {If: &IfRow{Row: old, Columns: {"chassis"}}}.
	If *IfRow
}

// IfRow is the condition of an Op.
type IfRow struct {
	Row     any
	Columns []string
}
