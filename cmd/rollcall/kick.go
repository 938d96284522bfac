package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/alecthomas/kong"
)

// kickCmd ends streams.
type kickCmd struct {
	ClientID   string   `arg:"" optional:"" name:"client" help:"The client whose streams end."`
	Connection string   `placeholder:"ID" help:"End only this connection, instead of a client."`
	Block      Duration `placeholder:"DURATION" help:"Also block the client for this time, up to 8784h."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall kick --help".
func (c *kickCmd) Help() string {
	return `Ends all streams of a client, or one connection. An EventSource that reconnects is told to stay away; a reloaded page is accepted, unless the client is blocked. This needs a key with the scope admin.`
}

// Examples is printed below the flags.
func (c *kickCmd) Examples() string {
	return `
Examples:
  rollcall kick ada
  rollcall kick ada --block 10m
  rollcall kick --connection $(rollcall client ada --json | jq -r '.connections[0].connectionId')

Exit code 1 where the client or connection is not online.`
}

// AfterApply checks the arguments.
func (c *kickCmd) AfterApply() error {
	switch {
	case (c.ClientID == "") == (c.Connection == ""):
		return errors.New("give a client or --connection")
	case c.Connection != "" && c.Block != 0:
		return errors.New("--block needs a client, not a connection")
	}
	return nil
}

// Run ends the streams.
func (c *kickCmd) Run(ctx context.Context) error {
	if c.Connection != "" {
		return c.call(ctx, http.MethodDelete, "/presence/connections/"+url.PathEscape(c.Connection), nil, nil, nil)
	}
	var query url.Values
	if c.Block != 0 {
		query = url.Values{"block": {c.Block.String()}}
	}
	return c.call(ctx, http.MethodDelete, clientPath(c.ClientID), query, nil, nil)
}

// blockCmd keeps a client or a network out.
type blockCmd struct {
	ClientID string   `arg:"" name:"client" help:"The client, online or not; with --network an address or a network."`
	Duration Duration `arg:"" help:"The time, such as 30s, 10m or 24h; up to 8784h. It replaces an earlier block."`
	Network  bool     `help:"Block an address or a network, such as 192.0.2.7 or 2001:db8::/64, instead of a client."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall block --help".
func (c *blockCmd) Help() string {
	return `Ends all streams of a client and answers every attempt to reconnect with 204. This needs a key with the scope admin. "rollcall unblock" lifts the block.

A blocked network is refused everything but requests with an API key that open no stream. Behind a proxy that the server does not trust, all clients have the proxy's address.`
}

// Examples is printed below the flags.
func (c *blockCmd) Examples() string {
	return `
Examples:
  rollcall block eve 24h
  rollcall block --network 10.1.2.0/24 1h`
}

// Run blocks the client or the network.
func (c *blockCmd) Run(ctx context.Context) error {
	if c.Network {
		query := url.Values{"network": {c.ClientID}, "block": {c.Duration.String()}}
		return c.call(ctx, http.MethodPut, "/presence/blocks", query, nil, nil)
	}
	return c.call(ctx, http.MethodDelete, clientPath(c.ClientID), url.Values{"block": {c.Duration.String()}}, nil, nil)
}

// unblockCmd ends a block.
type unblockCmd struct {
	ClientID string `arg:"" name:"client" help:"The client; with --network the address or network."`
	Network  bool   `help:"Lift the block of an address or a network, instead of a client."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall unblock --help".
func (c *unblockCmd) Help() string {
	return `Lifts the block of a client, or of an address or a network, on all servers. This needs a key with the scope admin. Exit code 1 where there is no such block.`
}

// Run lifts the block.
func (c *unblockCmd) Run(ctx context.Context) error {
	if c.Network {
		return c.call(ctx, http.MethodDelete, "/presence/blocks", url.Values{"network": {c.ClientID}}, nil, nil)
	}
	return c.call(ctx, http.MethodDelete, "/presence/blocks/"+url.PathEscape(c.ClientID), nil, nil, nil)
}

// blocksCmd lists the blocked clients and networks.
type blocksCmd struct {
	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall blocks --help".
func (c *blocksCmd) Help() string {
	return `Prints a table of the clients and networks that are blocked, the newest block first. This needs a key with the scope admin.`
}

// Run lists the blocks.
func (c *blocksCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	type block struct {
		ClientID string    `json:"clientId,omitempty"`
		Network  string    `json:"network,omitempty"`
		Until    time.Time `json:"until"`
		By       string    `json:"by"`
	}
	var list struct{ Blocks []block }
	if err := c.call(ctx, http.MethodGet, "/presence/blocks", nil, nil, &list); err != nil {
		return err
	}
	rows := [][]string{{"CLIENT OR NETWORK", "UNTIL", "BY"}}
	for _, b := range list.Blocks {
		if out.json {
			if err := out.object(b); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{cmp.Or(b.ClientID, b.Network), b.Until.Format(time.RFC3339), b.By})
	}
	if out.json {
		return nil
	}
	return out.table(rows)
}
