package manpage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestWrite(t *testing.T) {
	root := &cobra.Command{Use: "tool", Short: "A tool"}
	noun := &cobra.Command{Use: "noun", Short: "Things"}
	run := func(*cobra.Command, []string) {}
	verb := &cobra.Command{Use: "do THING", Short: "Do it", Long: "Do it:\n.not a request, a\\backslash", Example: "  tool noun do x", Run: run}
	verb.Flags().StringP("speed", "s", "slow", "how `fast`")
	verb.Flags().Bool("dry-run", false, "only say what")
	root.PersistentFlags().Int("level", 3, "how much (default: some)")
	noun.AddCommand(verb)
	root.AddCommand(noun, &cobra.Command{Use: "secret", Hidden: true, Run: run}, &cobra.Command{Use: "ls", Short: "List", Run: run})

	var b strings.Builder
	if err := Write(&b, root, "1.0-x"); err != nil {
		t.Fatal(err)
	}
	got, ok := strings.CutSuffix(b.String(), closing)
	if !ok {
		t.Error("the closing sections are not at the end")
	}
	want := `.TH TOOL 8 "" "tool 1.0\-x"
.SH NAME
tool \- A tool
.SH SYNOPSIS
.B tool
.I command
.RI [ flag "]... [" argument ]...
.SH COMMANDS
.SS tool ls
List.
.TP
.B \-\-level \fIint\fR
how much (default: some)
.SS tool noun do THING [flags]
Do it:
\&.not a request, a\ebackslash
.TP
.B \-\-dry\-run
only say what
.TP
.B \-s, \-\-speed \fIfast\fR
how fast (default: slow)
.TP
.B \-\-level \fIint\fR
how much (default: some)
.PP
.nf
  tool noun do x
.fi
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("page (-want +got):\n%s", d)
	}
}
