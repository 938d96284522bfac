package web

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"rollcall/hub/eventlog"
)

// Publish appends events to the log for the program that the server is part of, which
// may do so without a request. See [eventlog.Log.Append].
//
// Errors: those of the log; another one for an event whose channel, type, key or payload
// is not as POST /publish wants it. Nothing was published then.
func (s *Server) Publish(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	for i := range events {
		ev := &events[i]
		if err := eventlog.CheckChannel(ev.Channel); err != nil {
			return nil, fmt.Errorf("events[%d]: the channel %w", i, err)
		}
		if err := eventlog.CheckType(ev.Type); err != nil {
			return nil, fmt.Errorf("events[%d]: the type %w", i, err)
		}
		if len(ev.Key) > eventlog.MaxKey {
			return nil, fmt.Errorf("events[%d]: the key has more than %d bytes", i, eventlog.MaxKey)
		}
		if len(ev.Payload) > s.opts.MaxPayloadBytes || !json.Valid(ev.Payload) || !utf8.Valid(ev.Payload) {
			return nil, fmt.Errorf("events[%d]: the payload is not JSON of at most %d bytes", i, s.opts.MaxPayloadBytes)
		}
	}
	return s.node.Publish(ctx, events)
}
