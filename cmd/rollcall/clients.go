package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	gosse "github.com/tmaxmax/go-sse"
)

// clientsCmd lists online clients.
type clientsCmd struct {
	Channel string `placeholder:"NAME" help:"Only clients on this channel."`
	Query   string `short:"q" name:"query" placeholder:"TEXT" help:"Only clients with this text in their id or info; case is ignored."`
	Watch   bool   `short:"w" help:"Keep printing joins and leaves until Ctrl-C."`

	RemoteFlags `embed:""`
}

// Help is shown above the flags of "rollcall clients --help".
func (c *clientsCmd) Help() string {
	return `Prints a table. With --watch, it prints a line for each join, leave and update instead. The output begins with a line "snapshot" and one line "online" per client, and begins again if the server has lost its log.`
}

// Examples is printed below the flags.
func (c *clientsCmd) Examples() string {
	return `
Examples:
  rollcall clients
  rollcall clients --channel chat -q ada
  rollcall clients --watch
  rollcall clients --json | jq -r .clientId`
}

// onlineClient is a client as the API lists it.
type onlineClient struct {
	ClientID    string          `json:"clientId"`
	Info        json.RawMessage `json:"info"`
	Connections int             `json:"connections"`
	Channels    []string        `json:"channels"`
	ConnectedAt string          `json:"connectedAt"`
}

// Run lists the clients.
func (c *clientsCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	if c.Watch {
		return c.watch(ctx, k, out)
	}
	query := url.Values{}
	for name, value := range map[string]string{"channel": c.Channel, "q": c.Query} {
		if value != "" {
			query.Set(name, value)
		}
	}
	rows := [][]string{{"CLIENT", "CONNECTIONS", "SINCE", "CHANNELS", "INFO"}}
	var page struct {
		Clients []onlineClient
		Next    string
	}
	err := c.pages(ctx, "/presence/clients", query, &page, func() (string, error) {
		for _, client := range page.Clients {
			if out.json {
				if err := out.object(client); err != nil {
					return "", err
				}
				continue
			}
			rows = append(rows, []string{client.ClientID, strconv.Itoa(client.Connections), day(client.ConnectedAt), strings.Join(client.Channels, ", "), compact(client.Info)})
		}
		next := page.Next
		page.Clients, page.Next = nil, ""
		return next, nil
	})
	if err != nil || out.json {
		return err
	}
	return out.table(rows)
}

// edge is one change of presence, or one client of a snapshot.
type edge struct {
	Event       string          `json:"event"` // join, leave or update; snapshot, followed by online for each of its clients
	ClientID    string          `json:"clientId,omitempty"`
	Info        json.RawMessage `json:"info,omitempty"`
	ChannelName string          `json:"channelName,omitempty"`
	Online      *int            `json:"online,omitempty"`
	ConnectedAt string          `json:"connectedAt,omitempty"`
	Timestamp   string          `json:"timestamp,omitempty"`
}

// watch prints the online clients, and each change.
func (c *clientsCmd) watch(ctx context.Context, k *kong.Kong, out *printer) error {
	query := url.Values{}
	if c.Channel != "" {
		query.Set("channels", c.Channel)
	}
	return newFollower(&c.RemoteFlags, "/presence/stream", query, "", k.Stderr).run(ctx, func(ev gosse.Event) error {
		var edges []edge
		switch ev.Type {
		case "goodbye":
			return nil // the follower prints the reason
		case "snapshot":
			var snapshot struct {
				Clients []edge
				Online  int
			}
			if err := json.Unmarshal([]byte(ev.Data), &snapshot); err != nil {
				return fmt.Errorf("a snapshot can't be read: %w", err)
			}
			if err := out.edge(edge{Event: ev.Type, Online: &snapshot.Online}); err != nil {
				return err
			}
			for _, e := range snapshot.Clients {
				e.Event = "online"
				edges = append(edges, e)
			}
		default:
			var e edge
			if err := json.Unmarshal([]byte(ev.Data), &e); err != nil {
				return fmt.Errorf("an event of type %q can't be read: %w", ev.Type, err)
			}
			e.Event = ev.Type
			edges = append(edges, e)
		}
		for _, e := range edges {
			if !containsFold(e.ClientID, c.Query) && !containsFold(string(e.Info), c.Query) {
				continue
			}
			if err := out.edge(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// edge prints a line about a client: time, event, client, number of online clients, and info.
func (p *printer) edge(e edge) error {
	if p.json {
		return p.object(e)
	}
	count := ""
	if e.Online != nil {
		count = fmt.Sprintf("  %d online", *e.Online)
	}
	style := cmp.Or(map[string]string{"join": green, "leave": red, "update": yellow}[e.Event], dim)
	at := e.Timestamp
	if at == "" {
		at = e.ConnectedAt
	}
	info := compact(e.Info)
	if info != "" {
		info = "  " + printable(info)
	}
	_, err := fmt.Fprintf(p.out, "%s  %s  %s%s%s\n", p.paint(dim, clock(at)), p.paint(style, fmt.Sprintf("%-8s", printable(e.Event))),
		p.paint(bold, printable(orDash(e.ClientID))), p.paint(dim, count), info)
	return err
}

// containsFold reports whether part is in text, in any case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// clientCmd shows one client.
type clientCmd struct {
	ClientID string `arg:"" name:"client" help:"The client's id."`

	RemoteFlags `embed:""`
}

// Run shows a client and its connections.
func (c *clientCmd) Run(ctx context.Context, k *kong.Kong, s *settings) error {
	out := newPrinter(k.Stdout, c.JSON, s)
	var client json.RawMessage
	if err := c.call(ctx, http.MethodGet, clientPath(c.ClientID), nil, nil, &client); err != nil {
		return err
	}
	if out.json {
		return out.object(client)
	}
	var view struct {
		ClientID    string
		Info        json.RawMessage
		ConnectedAt string
		Channels    []string
		Connections []struct {
			ConnectionID, Node, RemoteAddr, UserAgent, Protocol, ConnectedAt, LastEventID string
			Channels                                                                      []string
			EventsSent, BytesSent                                                         uint64
			Behind                                                                        int
		}
	}
	if err := json.Unmarshal(client, &view); err != nil {
		return fmt.Errorf("the answer can't be read: %w", err)
	}
	rows := [][]string{
		{"client", view.ClientID}, {"info", compact(view.Info)}, {"online since", day(view.ConnectedAt)}, {"channels", strings.Join(view.Channels, ", ")},
		{"connections", strconv.Itoa(len(view.Connections))},
	}
	if err := out.table(rows); err != nil || len(view.Connections) == 0 {
		return err
	}
	rows = [][]string{{"CONNECTION", "NODE", "ADDRESS", "PROTOCOL", "SINCE", "EVENTS", "BYTES", "BEHIND", "AT", "CHANNELS", "USER AGENT"}}
	for _, v := range view.Connections {
		rows = append(rows, []string{
			v.ConnectionID, v.Node, v.RemoteAddr, v.Protocol, day(v.ConnectedAt), strconv.FormatUint(v.EventsSent, 10), strconv.FormatUint(v.BytesSent, 10),
			strconv.Itoa(v.Behind), v.LastEventID, strings.Join(v.Channels, ", "), v.UserAgent,
		})
	}
	fmt.Fprintln(out.out)
	return out.table(rows)
}

// clientPath is the path of one client in the API.
func clientPath(id string) string { return "/presence/clients/" + url.PathEscape(id) }
