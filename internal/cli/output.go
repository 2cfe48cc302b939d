package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	v1 "woven.dev/woven/api/v1"
)

// query is what every command needs that asks the agent: where it is, and how to print its answer.
type query struct {
	env    Env
	runDir string
	format string
}

// newQuery gives cmd, and with it its subcommands, the flags of a query.
func newQuery(env Env, cmd *cobra.Command) *query {
	q := &query{env: env}
	cmd.PersistentFlags().StringVar(&q.runDir, "run-dir", env.RunDir, "run `directory` of the agent to ask")
	choiceFlag(cmd, &q.format, "output", "o", "format of the output", "table", "json", "yaml")
	return q
}

func (q *query) client() *v1.Client { return v1.NewClient(v1.SocketPath(q.runDir)) }

// print writes value in the format that the user chose; table writes it as a table.
func (q *query) print(value any, table func(t *table)) error {
	switch q.format {
	case "json":
		return printJSON(q.env.Stdout, value)
	case "yaml":
		return printYAML(q.env.Stdout, value)
	}
	t := newTable(q.env.Stdout)
	table(t)
	return t.flush()
}

func printJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// printYAML prints the JSON form of value as YAML, so that both have the same fields in the same order.
func printYAML(w io.Writer, value any) error {
	var text bytes.Buffer
	if err := printJSON(&text, value); err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &doc); err != nil {
		return fmt.Errorf("read back JSON as YAML: %w", err)
	}
	plainStyle(&doc)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

// plainStyle takes off JSON's braces and quotes, where YAML can do without them.
func plainStyle(n *yaml.Node) {
	if len(n.Content) > 0 || n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, child := range n.Content {
		plainStyle(child)
	}
}

// table lays rows of text out in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table { return &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row adds a line; an empty last cell leaves no blanks behind it.
func (t *table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = oneLine(fmt.Sprint(c))
	}
	for len(text) > 0 && text[len(text)-1] == "" {
		text = text[:len(text)-1]
	}
	fmt.Fprintln(t.w, strings.Join(text, "\t"))
}

// section ends the columns so far: a blank line stands before what comes next.
func (t *table) section() {
	t.w.Flush()
	fmt.Fprintln(t.w)
}

func (t *table) flush() error { return t.w.Flush() }

// oneLine keeps text from an error or a database row from breaking the layout or steering the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// dash stands for what is absent.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age is how long ago t was, to two units: "3d4h", "5m12s".
func age(now, t time.Time) string {
	s := int64(max(0, now.Sub(t)) / time.Second)
	switch {
	case s >= 86400:
		return fmt.Sprintf("%dd%dh", s/86400, s%86400/3600)
	case s >= 3600:
		return fmt.Sprintf("%dh%dm", s/3600, s%3600/60)
	case s >= 60:
		return fmt.Sprintf("%dm%ds", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// count is a number with its noun: "1 problem", "3 problems".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
