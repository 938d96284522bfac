package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	gosse "github.com/tmaxmax/go-sse"
)

// subscribeCmd follows channels.
type subscribeCmd struct {
	Channels    []string `arg:"" name:"channel" help:"Channels to follow."`
	ClientID    string   `name:"client-id" placeholder:"ID" help:"The client's id. By default the server makes one."`
	Info        string   `placeholder:"JSON" help:"Info that presence shows: a JSON object of at most 1 KiB."`
	Presence    []string `placeholder:"KINDS" help:"Also print presence: online, channels or both, separated by a comma."`
	LastEventID string   `name:"last-event-id" placeholder:"ID" help:"Resume after this position."`
	From        string   `placeholder:"PLACE" help:"Where to begin without a position: oldest prints all kept events first, last the newest one of each channel, now only new events."`
	Format      string   `placeholder:"FORM" help:"The stream's format: with raw, print payloads alone, a string as text; with json, a lastEvent has the id and timestamp of its event."`
	Count       int      `short:"n" placeholder:"N" help:"End after this many published events. 0: continue until Ctrl-C."`
	Once        bool     `help:"The same as --count 1."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall subscribe --help".
func (c *subscribeCmd) Help() string {
	return `Prints one line for each event: when it was published, its channel, type and payload. With --json, one object: id, channelName, type, payload, timestamp. The server's own events (registered, lastEvent, gap, presence …) have no timestamp, and a payload that was parsed.

A stream that ends is opened again where it was, so nothing is lost or printed twice; what the server no longer keeps is told by an event "gap". Drops are told on stderr. It ends at Ctrl-C, or where the server says not to come back.`
}

// Examples is printed below the flags.
func (c *subscribeCmd) Examples() string {
	return `
Examples:
  rollcall subscribe news chat
  rollcall subscribe chat --client-id ada --info '{"name":"Ada"}' --presence channels
  rollcall subscribe orders --json | jq -r 'select(.timestamp) | .payload.total'
  rollcall subscribe deploys --once      wait for one event
  rollcall subscribe build --from oldest --format raw      print a log, and follow it

Exit code 0 after --count events or Ctrl-C, 1 when refused or sent away, 4 when the server can't be reached.`
}

// AfterApply checks the flags.
func (c *subscribeCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "count", c.Count, 0, 1<<40)
	if c.Once && c.Count > 1 {
		p.add("once", "it means --count 1; remove one of them")
	} else if c.Once {
		c.Count = 1
	}
	if c.From != "" {
		oneOf(p, "from", c.From, "oldest", "last", "now")
	}
	if c.Format != "" {
		oneOf(p, "format", c.Format, "json", "raw")
	}
	if c.Format == "raw" && (c.JSON || len(c.Presence) > 0) {
		p.add("format", "raw prints payloads alone; remove --json and --presence")
	}
	return p.err()
}

// Run prints events until ctx ends.
func (c *subscribeCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	query := url.Values{"channel": c.Channels}
	for name, value := range map[string]string{"clientId": c.ClientID, "info": c.Info, "presence": strings.Join(c.Presence, ","), "from": c.From, "format": c.Format} {
		if value != "" {
			query.Set(name, value)
		}
	}
	out, left := newPrinter(k.Stdout, c.JSON, s), c.Count
	return newFollower(&c.RemoteFlags, "/subscribe", query, c.LastEventID, k.Stderr).run(ctx, func(ev gosse.Event) error {
		published, err := true, error(nil)
		if c.Format == "raw" {
			err = out.text(ev.Data)
		} else {
			published, err = out.received(ev)
		}
		if err != nil || !published {
			return err
		}
		if left--; left == 0 {
			return errDone
		}
		return nil
	})
}

// received prints an event of /subscribe, and reports whether it was published.
func (p *printer) received(ev gosse.Event) (published bool, err error) {
	e, err := parseEvent(ev)
	if err != nil {
		return false, err
	}
	return e.Timestamp != "", p.event(e)
}

// reserved are the types of the server's own events, whose payload is a string of JSON.
var reserved = []string{"registered", "lastEvent", "online-presence", "presence", "gap", "goodbye"}

// parseEvent parses an event of /subscribe.
func parseEvent(ev gosse.Event) (wireEvent, error) {
	var e wireEvent
	if err := json.Unmarshal([]byte(ev.Data), &e); err != nil {
		return e, fmt.Errorf("the stream has an unknown event %q: %.200q", ev.Type, ev.Data)
	}
	e.ID, e.IdempotencyKey = ev.LastEventID, ""
	if slices.Contains(reserved, e.Type) {
		e.Payload = unquoted(e.Payload)
	}
	return e, nil
}

// unquoted returns the JSON in a string of JSON; anything else stays as it is.
func unquoted(payload json.RawMessage) json.RawMessage {
	var inner string
	if json.Unmarshal(payload, &inner) == nil && json.Valid([]byte(inner)) {
		return json.RawMessage(inner)
	}
	return payload
}
