// Package cli is the command line of Woven: one file per noun. What a command needs from the world comes in an Env, so
// that tests run whole sessions in process.
package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Env is what the commands get from the program (or test) around them.
type Env struct {
	Stdout, Stderr io.Writer
	// Version is what `woven version` prints.
	Version string
	// Now tells the time, for ages in tables.
	Now func() time.Time
	// RunDir is the default of --run-dir; "" means /run/woven.
	RunDir string
	// Agent carries out `woven agent`; it returns nil when ctx was cancelled and all is put away.
	Agent func(ctx context.Context, options AgentOptions) error
	// Commands are the nouns that are built elsewhere, such as lab.
	Commands []*cobra.Command
}
