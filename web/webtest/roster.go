package webtest

import (
	"encoding/json"
	"net/http"
)

// Roster follows the presence stream and keeps the list of members.
type Roster struct {
	*Stream
	Members map[string]map[string]string // by channel, "" for everybody; the values are infos
}

// Edge is one event of the presence stream.
type Edge struct {
	ClientID  string          `json:"clientId"`
	Info      json.RawMessage `json:"info"`
	Channel   string          `json:"channelName"`
	Online    int             `json:"online"`
	Timestamp string          `json:"timestamp"`
}

// Watch opens the presence stream with the given query and reads its snapshot.
func (s *Server) Watch(query string, header ...string) *Roster {
	s.t.Helper()
	r := &Roster{Stream: s.Open(http.MethodGet, "/presence/stream?"+query, "", header...)}
	r.WantSnapshot()
	return r
}

// Rewatch opens the presence stream at an earlier roster's position.
func (s *Server) Rewatch(r *Roster, query string) *Roster {
	s.t.Helper()
	st := s.Open(http.MethodGet, "/presence/stream?"+query, "", "Last-Event-ID: "+r.LastID)
	return &Roster{Stream: st, Members: r.Members}
}

// WantSnapshot wants a snapshot next.
func (r *Roster) WantSnapshot() {
	r.t.Helper()
	ev, _ := r.Next()
	if ev.Type != "snapshot" {
		r.t.Fatalf("got %.300q, want a snapshot", ev)
	}
	r.snapshot(ev)
}

func (r *Roster) snapshot(ev Event) {
	r.t.Helper()
	var got struct {
		Clients []Edge `json:"clients"`
		Online  *int   `json:"online"`
	}
	if err := json.Unmarshal([]byte(ev.Data), &got); err != nil || got.Clients == nil || got.Online == nil {
		r.t.Fatalf("%.300q is no snapshot", ev)
	}
	r.Members = map[string]map[string]string{}
	for _, c := range got.Clients {
		if _, known := r.in(c.Channel)[c.ClientID]; known {
			r.t.Fatalf("%.300q names %s twice", ev, c.ClientID)
		}
		r.in(c.Channel)[c.ClientID] = string(c.Info)
	}
	if all, ok := r.Members[""]; ok && len(all) != *got.Online {
		r.t.Fatalf("%.300q counts wrong", ev)
	}
}

func (r *Roster) in(channel string) map[string]string {
	if r.Members[channel] == nil {
		r.Members[channel] = map[string]string{}
	}
	return r.Members[channel]
}

// Edge reads the next change and applies it.
func (r *Roster) Edge() (kind string, e Edge) {
	r.t.Helper()
	ev, _ := r.Next()
	if ev.Type == "snapshot" {
		r.snapshot(ev)
		return "snapshot", Edge{}
	}
	if err := json.Unmarshal([]byte(ev.Data), &e); err != nil || e.ClientID == "" || e.Info == nil || e.Timestamp == "" {
		r.t.Fatalf("%.300q is no change", ev)
	}
	members := r.in(e.Channel)
	_, there := members[e.ClientID]
	switch ev.Type {
	case "join":
		members[e.ClientID] = string(e.Info)
	case "leave":
		delete(members, e.ClientID)
	case "update":
		members[e.ClientID] = string(e.Info)
	default:
		r.t.Fatalf("%.300q is of no known type", ev)
	}
	if there == (ev.Type == "join") || len(members) != e.Online {
		r.t.Fatalf("%.300q does not follow from what was told before: %d members", ev, len(members))
	}
	return ev.Type, e
}

// Want wants this change next: join, leave or update, on a channel or on "", of
// a client.
func (r *Roster) Want(kind, channel, clientID string) Edge {
	r.t.Helper()
	got, e := r.Edge()
	if got != kind || e.Channel != channel || e.ClientID != clientID {
		r.t.Fatalf("%s of %q on %q, want %s of %q on %q", got, e.ClientID, e.Channel, kind, clientID, channel)
	}
	return e
}

// WantThere reads on until the client is there.
func (r *Roster) WantThere(channel, clientID string) { r.t.Helper(); r.until(channel, clientID, true) }

// WantGone reads on until the client is not there.
func (r *Roster) WantGone(channel, clientID string) { r.t.Helper(); r.until(channel, clientID, false) }

func (r *Roster) until(channel, clientID string, want bool) {
	r.t.Helper()
	for {
		if _, there := r.in(channel)[clientID]; there == want {
			return
		}
		r.Edge()
	}
}
