package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/alecthomas/kong"
)

// historyCmd prints the kept events of a channel.
type historyCmd struct {
	Channel string `arg:"" help:"The channel."`
	After   string `placeholder:"ID" help:"Only events after this position."`
	Limit   int    `default:"100" placeholder:"N" help:"The maximum number of events, oldest first. 0: all kept events."`

	RemoteFlags `embed:""`
}

// Examples is printed below the flags.
func (c *historyCmd) Examples() string {
	return `
Examples:
  rollcall history news
  rollcall history news --after 5k2f9q-1041 --limit 0
  rollcall history orders --limit 0 --json > orders.jsonl`
}

// AfterApply checks the flags.
func (c *historyCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "limit", c.Limit, 0, 1<<40)
	return p.err()
}

// Run prints the events, page by page.
func (c *historyCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	query := url.Values{"channel": {c.Channel}}
	if c.After != "" {
		query.Set("after", c.After)
	}
	for left := c.Limit; c.Limit == 0 || left > 0; {
		page := 1000
		if c.Limit > 0 {
			page = min(page, left)
		}
		query.Set("limit", strconv.Itoa(page))
		var answer struct {
			Events []wireEvent
			Next   string
			Gap    bool
		}
		if err := c.call(ctx, http.MethodGet, "/history", query, nil, &answer); err != nil {
			return err
		}
		if answer.Gap {
			fmt.Fprintf(k.Stderr, "rollcall: events after %s are missing: they are no longer kept, or the position is not from this log\n", printable(query.Get("after")))
		}
		for _, e := range answer.Events {
			if err := out.event(e); err != nil {
				return err
			}
		}
		if len(answer.Events) == 0 {
			return nil
		}
		left -= len(answer.Events)
		query.Set("after", answer.Next)
	}
	return nil
}
