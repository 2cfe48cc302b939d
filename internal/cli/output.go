package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

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

// print writes value in the format that the user chose; show puts it in a table.
func (q *query) print(value any, show func(t *table)) error {
	switch q.format {
	case "json":
		return printJSON(q.env.Stdout, value)
	case "yaml":
		return printYAML(q.env.Stdout, value)
	}
	t := &table{}
	show(t)
	_, err := io.WriteString(q.env.Stdout, t.text())
	return err
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
