package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// tableCommand is `woven table`.
func tableCommand(env Env) *cobra.Command {
	cmd := nounCommand("table", "Tables of module instances, as the data plane has them")
	q := newQuery(env, cmd)
	cmd.AddCommand(tableListCommand(q), tableShowCommand(q))
	return cmd
}

func tableListCommand(q *query) *cobra.Command {
	return &cobra.Command{
		Use:   "ls MODULE",
		Short: "List a module's tables, and how many rows it has in each",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tables, err := q.client().Tables(cmd.Context(), args[0])
			if isNotFound(err) {
				return moduleNames.unknown(cmd.Context(), q.client(), args[0])
			}
			if err != nil {
				return err
			}
			return q.print(tables, func(t *table) { tableTable(t, tables) })
		},
		ValidArgsFunction: moduleNames.completion(q),
	}
}

func tableTable(t *table, tables []v1.Table) {
	t.row("TABLE", "KIND", "ROWS", "ROOM", "KEY", "VALUE")
	for _, table := range tables {
		t.row(table.Name, table.Kind, table.Rows, table.MaxEntries, table.Key, table.Value)
	}
}

func tableShowCommand(q *query) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "show MODULE TABLE",
		Short: "Show the rows that a module has in a table",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rows, err := q.client().Rows(cmd.Context(), args[0], args[1], limit)
			if isNotFound(err) {
				return unknownTable(cmd.Context(), q.client(), args[0], args[1])
			}
			if err != nil {
				return err
			}
			return q.print(rows, func(t *table) { rowTable(t, rows) })
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return tableNames(args[0]).complete(cmd.Context(), q.client(), prefix)
			}
			return moduleNames.completion(q)(cmd, args, prefix)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", v1.DefaultRows, fmt.Sprintf("largest `number` of rows to show, at most %d", v1.MaxRows))
	return cmd
}

// tableNames are the tables of a module.
func tableNames(module string) names {
	list := func(c *v1.Client, ctx context.Context) ([]v1.Table, error) { return c.Tables(ctx, module) }
	return namesOf("table", "woven table ls "+module, list, func(t v1.Table) string { return t.Name })
}

// unknownTable is the error for a table that a module has not, or a module that there is not.
func unknownTable(ctx context.Context, client *v1.Client, module, name string) error {
	err := tableNames(module).unknown(ctx, client, name)
	if isNotFound(err) {
		return moduleNames.unknown(ctx, client, module)
	}
	return err
}

// rowTable writes rows with a column for each member of the key and the value.
func rowTable(t *table, rows *v1.Rows) {
	for i, r := range rows.Rows {
		key, value := cells("KEY", r.Key), cells("VALUE", r.Value)
		var head, line []any
		for _, c := range append(key, value...) {
			head, line = append(head, strings.ToUpper(c.name)), append(line, c.text)
		}
		if i == 0 {
			t.row(head...)
		}
		t.row(line...)
	}
	if len(rows.Rows) == 0 {
		t.line("No rows")
	}
	if rows.More {
		t.line(fmt.Sprintf("There are more rows: --limit shows up to %d.", v1.MaxRows))
	}
}

// cell is a member of a row with its name.
type cell struct{ name, text string }

// cells are the members of a value in their order, those of a member's own with its name before theirs; a value without members is one
// cell under name.
func cells(name string, value json.RawMessage) []cell {
	decoder := json.NewDecoder(bytes.NewReader(value))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return []cell{{name, scalar(value)}}
	}
	var out []cell
	for decoder.More() {
		member, err := decoder.Token()
		var inner json.RawMessage
		if err != nil || decoder.Decode(&inner) != nil {
			break // an agent sends no broken JSON: the client has read it whole
		}
		for _, c := range cells("", inner) {
			out = append(out, cell{strings.Trim(fmt.Sprint(member, ".", c.name), "."), c.text})
		}
	}
	return out
}

// scalar is a text without its quotes, or a number digit for digit.
func scalar(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}
