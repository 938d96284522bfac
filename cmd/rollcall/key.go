package main

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/web/auth"
)

// keyCmd is about the API keys of backends.
type keyCmd struct {
	New newKeyCmd `cmd:"" help:"Create an API key for a backend and print it once."`
}

// newKeyCmd makes an API key.
type newKeyCmd struct {
	Name     string         `required:"" placeholder:"NAME" help:"The key's name in the configuration and in logs: letters, digits, \"-\", \"_\" and \".\"."`
	Allow    auth.Scopes    `required:"" placeholder:"SCOPES" help:"The key's scopes, separated by commas: publish, subscribe, history, presence, admin."`
	Channels []auth.Pattern `required:"" placeholder:"PATTERNS" help:"The key's channels, separated by commas. * matches one token of a name, > at the end all following tokens."`
	TTL      Duration       `name:"ttl" default:"0" placeholder:"DURATION" help:"How long the key is valid. 0: until it is removed from the configuration."`
	JSON     bool           `name:"json" help:"Print JSON instead of lines."`
}

// Help is shown above the flags of "rollcall key new --help".
func (c *newKeyCmd) Help() string {
	return `Prints two lines: the key, which goes to the backend and is kept nowhere else, and the line that makes a server know it, with the key's hash. The backend sends the key as "Authorization: Bearer KEY" or "X-API-Key: KEY", never in a URL.

To replace a key, make a new one of the same name, add its line, and take the old line out when no backend uses it any more.`
}

// Examples is printed below the flags.
func (c *newKeyCmd) Examples() string {
	return `
Examples:
  rollcall key new --name billing --allow publish,presence,history --channels 'orders.>'
      A key for a backend that publishes orders and looks at who is there.

  rollcall key new --name ops --allow presence,admin --channels '>'
      A key that sees everybody, and may end streams.`
}

// Run makes a key and prints it.
func (c *newKeyCmd) Run(k *kong.Kong) error {
	text, key, err := auth.NewKey(c.Name, c.Allow, c.Channels)
	if err != nil {
		return err
	}
	if c.TTL > 0 {
		key.Expires = time.Now().Add(time.Duration(c.TTL)).UTC().Truncate(time.Second)
	}
	if c.JSON {
		return printJSON(k, struct {
			Key    string `json:"key"`
			Config string `json:"config"`
		}{text, key.String()})
	}
	fmt.Fprintln(k.Stderr, "The first line is the key. It is not shown again. The second line is for the server's configuration.")
	_, err = fmt.Fprintf(k.Stdout, "%s\n%s\n", text, key)
	return err
}

// AfterApply checks the flags.
func (c *newKeyCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "ttl", c.TTL, 0, Duration(100*365*24*time.Hour))
	return p.err()
}

// printJSON prints a result for programs.
func printJSON(k *kong.Kong, v any) error {
	return (&printer{out: k.Stdout, screen: isTerminal(k.Stdout)}).object(v)
}
