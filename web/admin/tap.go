package admin

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"rollcall/hub/eventlog"
	"rollcall/presence"
	"rollcall/templates"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// tap renders /admin/clients/{clientId}/tap: the events of the client's streams, as they are written.
func (a *Admin) tap(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "clients"
	t := &tap{
		clientID: v.arg, run: node.NewID()[:8],
		stops: make(map[*presence.Connection]func()), born: make(map[*presence.Connection]bool),
	}
	if v.live {
		stop := a.node.Taps.Add(t.clientID, t.startTap)
		v.whenClosed(func() { stop(); t.close() })
	}
	return func() renderedPage {
		_, conns, online := a.node.Registry.Client(v.arg)
		view := templates.TapView{AdminFrame: v.frame, ClientID: v.arg, Back: adminLink("clients", v.arg), Online: online}
		if !v.live {
			return renderedPage{body: templates.Tap(view), parts: view.Fragments()}
		}
		t.follow(conns)
		return renderedPage{body: templates.Tap(view), parts: view.Fragments(), feed: t.newRows}
	}, nil
}

// tap collects the events of a client's streams until the page takes them.
type tap struct {
	clientID string
	run      string                          // distinguishes the events of this stream from those of an earlier one of the page
	stops    map[*presence.Connection]func() // of the connections that are tapped

	mu      sync.Mutex
	born    map[*presence.Connection]bool // connections tapped since they began, while the page is open
	waiting [][]byte                      // whole SSE events, shared, oldest first
	count   uint64                        // all that ever came
	closed  bool
}

// startTap taps a connection from its first event on.
func (t *tap) startTap(conn *presence.Connection) func(sse []byte) {
	t.mu.Lock()
	t.born[conn] = true
	t.mu.Unlock()
	return t.capture
}

// follow taps new connections, and releases ended ones.
func (t *tap) follow(conns []*presence.Connection) {
	here := make(map[*presence.Connection]bool, len(conns))
	for _, conn := range conns {
		here[conn] = true
		t.mu.Lock()
		born := t.born[conn]
		t.mu.Unlock()
		if at := node.ConnOf(conn); !born && t.stops[conn] == nil && at != nil {
			t.stops[conn] = at.Tap(t.capture)
		}
	}
	for conn, stop := range t.stops {
		if !here[conn] {
			stop()
			delete(t.stops, conn)
		}
	}
}

// capture is called by the shards.
func (t *tap) capture(sse []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	for _, one := range bytes.SplitAfter(sse, []byte("\n\n")) {
		if !bytes.Contains(one, []byte("event: ")) {
			continue // a heartbeat
		}
		if len(t.waiting) == feedKeep {
			t.waiting = append(t.waiting[:0], t.waiting[1:]...)
		}
		t.waiting = append(t.waiting, one)
		t.count++
	}
}

// newRows returns the events since its last call, newest first.
func (t *tap) newRows(uint64) ([]templ.Component, uint64) {
	t.mu.Lock()
	events, count := t.waiting, t.count
	t.waiting = nil
	t.mu.Unlock()
	items := make([]templ.Component, 0, len(events))
	for i := len(events) - 1; i >= 0; i-- {
		row := parsedRow(events[i])
		row.Key = "tap-" + t.run + "-" + strconv.FormatUint(count-uint64(len(events)-1-i), 10)
		items = append(items, templates.EventItem(row))
	}
	return items, count
}

func (t *tap) close() {
	t.mu.Lock()
	t.closed, t.waiting = true, nil
	t.mu.Unlock()
	for _, stop := range t.stops {
		stop()
	}
}

// parsedRow returns an event on the wire as a row.
func parsedRow(sse []byte) templates.EventRow {
	row := templates.EventRow{At: time.Now()}
	var data []byte
	for line := range bytes.SplitSeq(sse, []byte{'\n'}) {
		name, value, _ := strings.Cut(string(line), ": ")
		switch name {
		case "id":
			row.ID = value
		case "event":
			row.Type = value
		case "data":
			data = []byte(value)
		}
	}
	var body struct {
		ChannelName string
		Payload     json.RawMessage
		Timestamp   time.Time
	}
	_ = json.Unmarshal(data, &body) // missing values are not shown
	payload := []byte(body.Payload)
	if row.Notice = eventlog.CheckType(row.Type) != nil; row.Notice {
		var text string
		if json.Unmarshal(payload, &text) == nil {
			payload = []byte(text)
		}
		if row.Type == "registered" {
			payload = withoutSecret(payload)
		}
	}
	if body.ChannelName != "" {
		row.Channel, row.Href = body.ChannelName, adminLink("channels", body.ChannelName)
	}
	if !body.Timestamp.IsZero() {
		row.At = body.Timestamp
	}
	row.Payload, row.Line = indented(payload), reply.Short(string(payload), lineLen)
	return row
}

// withoutSecret returns the payload of a registered event without the stream's secret,
// which permits to act for the stream.
func withoutSecret(payload []byte) []byte {
	var hello struct {
		ClientID     string `json:"clientId"`
		ConnectionID string `json:"connectionId"`
		Resumed      bool   `json:"resumed"`
	}
	_ = json.Unmarshal(payload, &hello) // the server wrote it
	shown, _ := json.Marshal(hello)     // strings and a bool
	return shown
}

// lineLen is how much of a payload is shown on one line.
const lineLen = 300

// recordRow returns an event of the log as a row.
func recordRow(r *eventlog.Record, epoch string) templates.EventRow {
	id := eventlog.Position{Epoch: epoch, Seq: r.Seq}.String()
	row := templates.EventRow{
		Key: "e" + id, ID: id,
		Channel: r.Channel(), Href: adminLink("channels", r.Channel()), Type: r.Type(),
		Payload: indented(r.Payload()), Line: reply.Short(string(r.Payload()), lineLen),
	}
	row.At, _ = time.Parse(time.RFC3339, r.Timestamp())
	return row
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
