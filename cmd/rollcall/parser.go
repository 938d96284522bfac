package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// exitStatus ends the process with this code. The error was logged already, so main prints nothing.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

const description = `Rollcall carries events to browsers over Server-Sent Events and knows who is online.

Publish with one POST, subscribe to many channels over one EventSource, see presence live.`

// newParser builds the command line around c. s provides the values of flags that are not in args.
func newParser(c *cli, s *settings, more ...kong.Option) *kong.Kong {
	return kong.Must(c, append([]kong.Option{
		kong.Name("rollcall"),
		kong.Description(description),
		kong.Vars{"version": versionLine()},
		kong.Bind(s),
		kong.Resolvers(s),
		kong.Help(printHelp),
		kong.ValueFormatter(helpText),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "Server"},
			{Key: "engine", Title: "Event store"},
			{Key: "tls", Title: "TLS"},
			{Key: "access", Title: "Access"},
			{Key: "limits", Title: "Limits"},
			{Key: "publishing", Title: "Publishing"},
			{Key: "streams", Title: "Streams"},
			{Key: "history", Title: "History"},
			{Key: "presence", Title: "Presence"},
			{Key: "admin", Title: "Admin UI"},
			{Key: "logging", Title: "Logging"},
			{Key: "remote", Title: "Server and credentials"},
		}),
	}, more...)...)
}

// helpText is a flag's sentence with its default behind it.
func helpText(v *kong.Value) string {
	if v.Default == "" || v.Default == "0" {
		return v.Help // 0 is explained in the sentence
	}
	return fmt.Sprintf("%s [default: %s]", v.Help, v.Default)
}

// printHelp prints Kong's page and, below it, the examples of the command that is asked about.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	if command, ok := node.Target.Addr().Interface().(interface{ Examples() string }); ok {
		_, err := fmt.Fprintf(ctx.Stdout, "\n%s\n", strings.TrimSpace(command.Examples()))
		return err
	}
	return nil
}

// Examples is printed below the general help.
func (c *cli) Examples() string {
	return `
Exit codes: 0 clean end, 1 failure or refusal, 2 wrong usage or configuration, 3 the shutdown
timeout passed with streams or requests still open, 4 the server can't be reached, 130 or 143
a second SIGINT or SIGTERM ended it at once.`
}

// commandPath is the command as the user typed it, for a hint.
func commandPath(ctx *kong.Context) string {
	if ctx != nil && ctx.Selected() != nil {
		return ctx.Selected().FullPath()
	}
	return "rollcall"
}

// environment turns os.Environ's list into a map.
func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}
