package main

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// channelsCmd lists the channels with members.
type channelsCmd struct {
	Query    string   `short:"q" name:"query" placeholder:"TEXT" help:"Only channels with this text in their name; case is ignored."`
	Watch    bool     `short:"w" help:"Keep printing changed channels until Ctrl-C."`
	Interval Duration `default:"2s" placeholder:"DURATION" help:"With --watch: the time between polls."`

	RemoteFlags `embed:""`
}

// Examples is printed below the flags.
func (c *channelsCmd) Examples() string {
	return `
Examples:
  rollcall channels
  rollcall channels -q room. --watch
  rollcall channels --json | jq -s 'max_by(.clients)'`
}

// AfterApply checks the flags.
func (c *channelsCmd) AfterApply(s *settings) error {
	p := &problems{from: s.from}
	within(p, "interval", c.Interval, Duration(10*time.Millisecond), Duration(time.Hour))
	return p.err()
}

// channel is a channel as the API lists it.
type channel struct {
	ChannelName string  `json:"channelName"`
	Clients     int     `json:"clients"`
	Connections int     `json:"connections"`
	LastEventAt instant `json:"lastEventAt"`
}

// instant is a timestamp; "" is null in JSON.
type instant string

// MarshalJSON is part of json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	if i == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(i))
}

// Run lists the channels.
func (c *channelsCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	shown := map[string]channel{}
	for {
		now, err := c.list(ctx)
		if err != nil {
			return err
		}
		if err := c.print(out, changed(shown, now), len(shown) == 0); err != nil || !c.Watch {
			return err
		}
		shown = now
		select {
		case <-time.After(time.Duration(c.Interval)):
		case <-ctx.Done():
			return nil
		}
	}
}

// list asks for all channels.
func (c *channelsCmd) list(ctx context.Context) (map[string]channel, error) {
	all := map[string]channel{}
	query := url.Values{}
	if c.Query != "" {
		query.Set("q", c.Query)
	}
	var page struct {
		Channels []channel
		Next     string
	}
	return all, c.pages(ctx, "/presence/channels", query, &page, func() (string, error) {
		for _, ch := range page.Channels {
			all[ch.ChannelName] = ch
		}
		next := page.Next
		page.Channels, page.Next = nil, ""
		return next, nil
	})
}

// changed returns the changed channels, sorted by name. A channel that is gone has no members.
func changed(was, now map[string]channel) []channel {
	var list []channel
	for name, ch := range now {
		if was[name] != ch {
			list = append(list, ch)
		}
	}
	for name := range was {
		if _, there := now[name]; !there {
			list = append(list, channel{ChannelName: name})
		}
	}
	slices.SortFunc(list, func(a, b channel) int { return strings.Compare(a.ChannelName, b.ChannelName) })
	return list
}

// print prints channels as a table, or as lines.
func (c *channelsCmd) print(out *printer, list []channel, head bool) error {
	var rows [][]string
	if head {
		rows = append(rows, []string{"CHANNEL", "CLIENTS", "CONNECTIONS", "LAST EVENT"})
	}
	for _, ch := range list {
		if out.json {
			if err := out.object(ch); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{ch.ChannelName, strconv.Itoa(ch.Clients), strconv.Itoa(ch.Connections), day(string(ch.LastEventAt))})
	}
	if out.json {
		return nil
	}
	return out.table(rows)
}
