package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the whole command line: a command is one field here and one file beside this one.
type cli struct {
	Serve      serveCmd         `cmd:"" help:"Start the server."`
	Config     configCmd        `cmd:"" help:"Check a server's configuration, or show the effective settings."`
	Publish    publishCmd       `cmd:"" help:"Publish an event, or events from standard input."`
	Subscribe  subscribeCmd     `cmd:"" help:"Follow channels."`
	History    historyCmd       `cmd:"" help:"Show the kept events of a channel."`
	Clients    clientsCmd       `cmd:"" help:"List online clients."`
	Client     clientCmd        `cmd:"" help:"Show one client and its connections."`
	Channels   channelsCmd      `cmd:"" help:"List channels that have members."`
	Kick       kickCmd          `cmd:"" help:"End a client's streams, or one connection."`
	Block      blockCmd         `cmd:"" help:"Block a client or a network for a time."`
	Unblock    unblockCmd       `cmd:"" help:"Lift the block of a client or a network."`
	Blocks     blocksCmd        `cmd:"" help:"List the blocked clients and networks."`
	Backup     backupCmd        `cmd:"" help:"Copy the events of a running server into a directory."`
	Health     healthCmd        `cmd:"" help:"Check a server's health, for containers."`
	Doctor     doctorCmd        `cmd:"" help:"Find out what proxies in front of a server do to its streams."`
	Key        keyCmd           `cmd:"" help:"Create API keys for backends."`
	Token      tokenCmd         `cmd:"" help:"Create tokens for subscribers."`
	Admin      adminCmd         `cmd:"" help:"Manage accounts of the admin UI."`
	Bench      benchCmd         `cmd:"" help:"Put load on a server and measure the cost."`
	Completion completionCmd    `cmd:"" help:"Print a shell completion script."`
	Man        manCmd           `cmd:"" help:"Print the manual page."`
	Version    versionCmd       `cmd:"" help:"Show the version and how this binary was built."`
	Release    kong.VersionFlag `name:"version" help:"Show the version and exit."`
}

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], environment(os.Environ())))
}

// run executes the command in args and returns the exit code (see the package comment).
func run(ctx context.Context, args []string, env map[string]string) int {
	parsed, err := newParser(&cli{}, &settings{env: env, args: args}, kong.BindTo(ctx, (*context.Context)(nil))).Parse(args)
	if err == nil {
		err = parsed.Run()
	}
	var usage *kong.ParseError
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "rollcall: %v\n\nRun \"%s --help\" to see what is allowed.\n", err, commandPath(usage.Context))
		return 2
	}
	fmt.Fprintf(os.Stderr, "rollcall: %v\n", err)
	if errors.Is(err, errUnreachable) && ctx.Err() == nil {
		return statusUnreachable
	}
	return 1
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. The second one ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		cancel(fmt.Errorf("%v", <-signals))
		second, _ := (<-signals).(syscall.Signal)
		os.Exit(128 + int(second))
	}()
	return ctx
}
