// Command woven is the whole of Woven in one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"woven.dev/woven/internal/cli"
)

// version is set by the linker.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	env := cli.Env{
		Stdout: os.Stdout, Stderr: os.Stderr,
		Version: version,
		Now:     time.Now,
		Agent:   runAgent,
		RunDir:  os.Getenv("WOVEN_RUN_DIR"), // set by `woven lab exec`
	}
	env.Commands = []*cobra.Command{cli.LabCommand(env, labCommands), cli.TraceCommand(env, traceCommand), cli.ExplainCommand(env, traceCommand), cli.ConnectionTrackingCommand(env, ctCommand), manCommand(env)}
	code := cli.Execute(ctx, env, os.Args[1:])
	stop()
	os.Exit(code)
}
