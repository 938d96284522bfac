package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"rollcall/cmd/rollcall/doctor"
)

// doctorCmd looks at the way to a server.
type doctorCmd struct {
	URL        string   `arg:"" optional:"" name:"url" help:"The server's URL for clients, instead of --server."`
	Channel    string   `placeholder:"NAME" help:"A channel that the credentials may read. By default an unused one."`
	TryPublish bool     `help:"Also publish one event of the type rollcall-doctor to the channel, and time it."`
	Origin     string   `placeholder:"ORIGIN" help:"Check that pages of this origin, such as https://app.example.org, may subscribe."`
	Wait       Duration `default:"65s" placeholder:"DURATION" help:"How long to watch a silent stream: longer than two heartbeats, and than the timeouts of proxies. All other results are printed before."`

	Config string `placeholder:"FILE" help:"Take the settings of the login provider (oidc-…) from the server's configuration file."`

	OIDCFlags   `embed:""`
	RemoteFlags `embed:""`
}

// BeforeResolve reads the settings of the login provider from the configuration file; the others are not the doctor's.
func (c *doctorCmd) BeforeResolve(ctx *kong.Context, s *settings) error {
	path := s.readGiven(ctx)
	if path == "" {
		return nil
	}
	file, err := readConfigFile(path, ctx.Model.Children[0].Flags)
	if file != nil {
		maps.DeleteFunc(file.values, func(name string, _ fileValue) bool { return name != "admin-url" && !strings.HasPrefix(name, "oidc-") })
	}
	s.file = file
	return err
}

// Help is shown above the flags of "rollcall doctor --help".
func (c *doctorCmd) Help() string {
	return `Opens streams at the URL as a browser would, and checks whether a proxy in between delays bytes, compresses streams, cuts silent ones, loses positions or offers only HTTP/1.1. For each problem it prints the lines to change in nginx, Caddy, Cloudflare and AWS's load balancer, those first whose names are in the answers. Nothing is published without --try-publish.

With the server's settings for logins at an OpenID Connect provider (--config, or its variables), the provider is checked first: its description, its keys, and whether they fit the settings.`
}

// Examples is printed below the flags.
func (c *doctorCmd) Examples() string {
	return `
Examples:
  rollcall doctor https://events.example.org
  rollcall doctor https://example.org/events --origin https://app.example.org
  ROLLCALL_TOKEN=... rollcall doctor https://events.example.org --channel room.1
  rollcall doctor --config /etc/rollcall.yaml
  rollcall doctor --json --wait 2m | jq '.checks[] | select(.status != "ok")'

Exit code 1 where a check failed; a warning is none.`
}

// AfterApply checks the flags.
func (c *doctorCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "wait", c.Wait, 0, Duration(24*time.Hour))
	if c.URL != "" {
		c.Server = c.URL // for RemoteFlags, which come next
	}
	if c.Origin != "" {
		checkOrigin(p, c.Origin)
	}
	if c.Channel == "" {
		c.Channel = "rollcall-doctor." + rand.Text()
	}
	return p.err()
}

// Run makes the checks and prints each as soon as it is known.
func (c *doctorCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	options := doctor.Options{
		URL: c.base, Client: c.client, Header: http.Header{}, Channel: c.Channel, Publish: c.TryPublish, Origin: c.Origin,
		Wait: time.Duration(c.Wait), Patience: min(5*time.Second, time.Duration(c.Timeout)),
	}
	c.sign(options.Header)
	var err error
	if options.Provider, err = c.provider(); err != nil {
		return err
	}
	if !c.JSON {
		options.Found = func(check doctor.Check) { out.check(check) }
	}
	report := doctor.Run(ctx, options)
	if c.JSON {
		if err := out.object(report); err != nil {
			return err
		}
	}
	if report.Failed() {
		return statusFailed
	}
	return nil
}

// check prints a check, and its fixes.
func (p *printer) check(c doctor.Check) {
	style := map[doctor.Status]string{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red}[c.Status]
	fmt.Fprintf(p.out, "%s  %s  %s\n", p.paint(style, fmt.Sprintf("%-4s", c.Status)), p.paint(bold, fmt.Sprintf("%-12s", c.Name)), printable(c.Text))
	for _, fix := range c.Fixes {
		for i, line := range strings.Split(fix.Lines, "\n") {
			name := fix.For
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(p.out, "      %-12s  %s\n", name, strings.ReplaceAll(line, "\t", "    "))
		}
	}
}
