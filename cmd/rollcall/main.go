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
	Config     configCmd        `cmd:"" help:"Check a server's configuration, or show what it comes to."`
	Publish    publishCmd       `cmd:"" help:"Publish an event, or those on standard input."`
	Subscribe  subscribeCmd     `cmd:"" help:"Follow channels."`
	History    historyCmd       `cmd:"" help:"Show what a channel still keeps."`
	Clients    clientsCmd       `cmd:"" help:"Show who is online."`
	Client     clientCmd        `cmd:"" help:"Show one client and its connections."`
	Channels   channelsCmd      `cmd:"" help:"Show the channels that somebody is on."`
	Kick       kickCmd          `cmd:"" help:"End a client's streams, or one connection."`
	Block      blockCmd         `cmd:"" help:"Keep a client out for a time."`
	Health     healthCmd        `cmd:"" help:"Ask a server whether it is well, for a container's health check."`
	Doctor     doctorCmd        `cmd:"" help:"Find out what proxies between here and a server do to its streams."`
	Key        keyCmd           `cmd:"" help:"Make API keys for backends."`
	Token      tokenCmd         `cmd:"" help:"Make tokens for subscribers."`
	Admin      adminCmd         `cmd:"" help:"Help with the accounts of the admin pages."`
	Bench      benchCmd         `cmd:"" help:"Load a server with streams and events and see what that costs."`
	Completion completionCmd    `cmd:"" help:"Print what makes a shell complete this command."`
	Man        manCmd           `cmd:"" help:"Print the manual page."`
	Version    versionCmd       `cmd:"" help:"Show the version and how this binary was built."`
	Release    kong.VersionFlag `name:"version" help:"Show the version and exit."`
}

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], environment(os.Environ())))
}

// run does what args ask for and returns the exit code (see the package comment).
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
