package main

import (
	"context"
	"os"

	"golang.org/x/sync/errgroup"

	"woven.dev/woven/internal/agent"
	"woven.dev/woven/internal/cli"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/metrics"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/rest"
	"woven.dev/woven/modules/std"
)

// runAgent carries out `woven agent`.
func runAgent(ctx context.Context, o cli.AgentOptions) error {
	attach, err := hover.ParseAttachMode(o.Attach)
	if err != nil {
		return err
	}
	options := agent.Options{
		OVS: o.OVS, NB: o.NB, SB: o.SB, Name: o.Name, TLS: keysOf(o),
		RunDir: o.RunDir, BPFFS: o.BPFFS,
		Kinds: std.Kinds(), Attach: attach,
		Version: o.Version, Log: o.Log,
		Serve: func(ctx context.Context, source *agent.Source) error { return serve(ctx, o, source) },
	}
	if o.Cleanup {
		return agent.Cleanup(ctx, options, os.Stdout)
	}
	return agent.Run(ctx, options)
}

// keysOf returns what the command line says about remotes "ssl:".
func keysOf(o cli.AgentOptions) ovsdb.TLS {
	keys := ovsdb.TLS{PrivateKey: o.PrivateKey, Certificate: o.Certificate, CACert: o.CACert}
	if o.BootstrapCACert != "" {
		keys.CACert, keys.Bootstrap = o.BootstrapCACert, true
	}
	return keys
}

// serve answers from a running agent: REST on its socket, and metrics; and tells systemd.
func serve(ctx context.Context, o cli.AgentOptions, source *agent.Source) error {
	m := metrics.New(source)
	source.ObserveApplies(m.ObserveApply)
	server, err := rest.Listen(rest.Config{
		RunDir: o.RunDir, MetricsListen: o.MetricsListen,
		Source: source, Metrics: m.Handler(o.Log), Log: o.Log,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx) })
	group.Go(func() error {
		if err := notify(ctx, os.Getenv("NOTIFY_SOCKET"), source.Live(), liveWait); err != nil {
			o.Log.Warn("systemd is not told", "error", err)
		}
		return nil
	})
	return group.Wait()
}
