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
	Serve   serveCmd         `cmd:"" help:"Start the server."`
	Admin   adminCmd         `cmd:"" help:"Help with the accounts of the admin pages."`
	Bench   benchCmd         `cmd:"" help:"Load a server with streams and events and see what that costs."`
	Version versionCmd       `cmd:"" help:"Show the version and how this binary was built."`
	Key     keyCmd           `cmd:"" help:"Make API keys for backends."`
	Token   tokenCmd         `cmd:"" help:"Make tokens for subscribers."`
	Release kong.VersionFlag `name:"version" help:"Show the version and leave."`
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
