package torture

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
)

// eventType is the type of all events that publishers send.
const eventType = "message"

// subscriber records a stream of /subscribe.
type subscriber struct {
	*resumer
	name     string
	channels []string // names and patterns
	h        *History

	mu   sync.Mutex
	seen map[Event]bool // the events that end a round
}

func newSubscriber(h *History, servers []string, seed uint64, name string, channels []string) *subscriber {
	s := &subscriber{name: name, channels: channels, h: h, seen: make(map[Event]bool)}
	h.subscribe(name, channels)
	s.resumer = &resumer{
		servers: servers, rand: newRand(seed, name), on: s.take,
		path: "/subscribe?clientId=" + name + "&channels=" + url.QueryEscape(strings.Join(channels, ",")),
		refused: func(server string, status int) {
			h.frame(Frame{Subscriber: name, Server: server, Kind: "status", Status: status})
		},
	}
	return s
}

func (s *subscriber) take(server, asked string, m Message) {
	f := frame(m)
	f.Subscriber, f.Server = s.name, server
	if f.Kind == "registered" {
		f.Asked = asked
	}
	s.h.frame(f)
	if (isEvent(f.Kind) || f.Kind == "lastEvent") && isEnd(f.Payload) { // one that begins afresh behind it is told of it so
		s.mu.Lock()
		s.seen[Event{f.Channel, f.Payload}] = true
		s.mu.Unlock()
	}
}

// has reports whether the subscriber received all of the events on its channels.
func (s *subscriber) has(events []Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if matchesAny(s.channels, e.Channel) && !s.seen[e] {
			return false
		}
	}
	return true
}

// frame parses an event's data.
func frame(m Message) Frame {
	f := Frame{ID: m.ID, Kind: m.Kind}
	var data struct {
		ChannelName string
		Payload     string
	}
	_ = json.Unmarshal([]byte(m.Data), &data) // unreadable data counts as missing
	f.Channel, f.Payload = data.ChannelName, data.Payload
	if isEvent(m.Kind) {
		return f
	}
	var inner struct {
		Resumed             bool
		After, Reason, Code string
		Payload             string
	}
	_ = json.Unmarshal([]byte(data.Payload), &inner)
	f.Resumed, f.After, f.Reason, f.Payload = inner.Resumed, inner.After, inner.Reason, inner.Payload
	if m.Kind == "goodbye" {
		f.Reason = inner.Code
	}
	return f
}
