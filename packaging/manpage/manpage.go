// Package manpage writes the manual page of a command line, in man(7), from what its commands say about themselves.
package manpage

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// closing is what no command says.
const closing = `.SH EXIT STATUS
.TP
.B 0
The command did what it was asked for.
.TP
.B 1
Something went wrong.
.TP
.B 2
The command line makes no sense.
.SH FILES
.TP
.I /etc/default/woven\-agent
Flags of the agent that woven\-agent.service runs.
.TP
.I /run/woven
The agent's lock, and the socket that the other commands use.
.TP
.I /sys/fs/bpf/woven
Programs, maps and links of the data plane. They outlive the agent.
.SH SEE ALSO
.BR ovn\-controller (8),
.BR ovs\-vsctl (8),
.BR ovn\-nbctl (8),
.BR ovn\-sbctl (8)
`

// Write writes the page of section 8 for a program, given by its root command, to w.
func Write(w io.Writer, root *cobra.Command, version string) error {
	var b strings.Builder
	name := root.Name()
	fmt.Fprintf(&b, ".TH %s 8 \"\" \"%s %s\"\n", strings.ToUpper(name), name, escape(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", name, escape(root.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I command\n.RI [ flag \"]... [\" argument ]...\n", name)
	b.WriteString(".SH COMMANDS\n")
	commands(&b, root)
	b.WriteString(closing)
	_, err := io.WriteString(w, b.String())
	return err
}

// commands writes a section for every command below parent that does something, in the order of their names. Completion
// comes with the package, and its help is about other ways to install it.
func commands(b *strings.Builder, parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		switch {
		case !cmd.IsAvailableCommand() || cmd.Name() == "completion":
		case cmd.HasAvailableSubCommands():
			commands(b, cmd)
		default:
			command(b, cmd)
		}
	}
}

func command(b *strings.Builder, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(b, ".SS %s\n%s\n", escape(cmd.UseLine()), escape(text))
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { flag(b, f) })
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { flag(b, f) })
	if cmd.Example != "" {
		fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", escape(cmd.Example))
	}
}

func flag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden || f.Name == "help" {
		return
	}
	argument, usage := pflag.UnquoteUsage(f)
	b.WriteString(".TP\n.B ")
	if f.Shorthand != "" {
		fmt.Fprintf(b, "\\-%s, ", f.Shorthand)
	}
	fmt.Fprintf(b, "\\-\\-%s", escape(f.Name))
	if argument != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", escape(argument))
	}
	fmt.Fprintf(b, "\n%s", escape(usage))
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && !strings.Contains(usage, "default") {
		fmt.Fprintf(b, " (default: %s)", escape(f.DefValue))
	}
	b.WriteString("\n")
}

// escape makes text stand for itself in roff.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
