package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"rollcall/hub/eventlog"
	"rollcall/presence"
)

// Published is the result of publishing one event.
type Published struct {
	ID        string // the id that clients see and resume from
	Duplicate bool   // its key was seen before; ID is the first event's
}

// Publish appends events to the log on behalf of the program that embeds the server, without a request and without its
// checks of rights. See [eventlog.Log.Append].
//
// Errors: those of the log; another one for an event whose channel, type, key or payload POST /publish would refuse.
// Nothing was published then.
func (s *Server) Publish(ctx context.Context, events []eventlog.Event) ([]Published, error) {
	for i := range events {
		ev := &events[i]
		if err := eventlog.CheckChannel(ev.Channel); err != nil && eventlog.ClientOf(ev.Channel) == "" {
			return nil, fmt.Errorf("events[%d]: the channel %w", i, err)
		}
		if err := eventlog.CheckType(ev.Type); err != nil {
			return nil, fmt.Errorf("events[%d]: the type %w", i, err)
		}
		if len(ev.Key) > eventlog.MaxKey {
			return nil, fmt.Errorf("events[%d]: the key has more than %d bytes", i, eventlog.MaxKey)
		}
		if len(ev.Append) > eventlog.MaxKey || len(ev.Except) > eventlog.MaxKey {
			return nil, fmt.Errorf("events[%d]: append and except have at most %d bytes", i, eventlog.MaxKey)
		}
		if ev.Append != "" && (!bytes.HasPrefix(ev.Payload, []byte{'"'}) || !bytes.HasSuffix(ev.Payload, []byte{'"'})) {
			return nil, fmt.Errorf("events[%d]: append needs a payload that is a JSON string, without space around it", i)
		}
		if len(ev.Payload) > s.opts.MaxPayloadBytes || !json.Valid(ev.Payload) || !utf8.Valid(ev.Payload) {
			return nil, fmt.Errorf("events[%d]: the payload is not JSON of at most %d bytes", i, s.opts.MaxPayloadBytes)
		}
	}
	results, err := s.node.Publish(ctx, events)
	if err != nil {
		return nil, err
	}
	published := make([]Published, len(results))
	for i, r := range results {
		published[i] = Published{ID: s.node.IDOf(r.Seq), Duplicate: r.Duplicate}
	}
	return published, nil
}

// Kick ends all streams of a client, on all servers, and returns their number. Its pages are asked once to stay away;
// see DELETE /presence/clients/{clientId}.
func (s *Server) Kick(clientID string) int {
	streams, _ := s.node.KickAll(clientID)
	return streams
}

// Members returns the clients on a channel, or all online clients for "", in no particular order.
func (s *Server) Members(channel string) []presence.Member {
	if channel == "" {
		channel = presence.Everyone
	}
	lists, _ := s.node.Registry.Snapshot(channel)
	return lists[0]
}
