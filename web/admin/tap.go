package admin

import (
	"bytes"
	"encoding/json"
	"slices"
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

// tap renders /admin/clients/{clientId}/tap: the events of the client's streams on all servers, as they are written.
func (a *Admin) tap(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "clients"
	page := &tapPage{run: node.NewID()[:8]}
	if v.live {
		page.own = newTap(a.node, v.arg)
		v.whenClosed(page.own.close)
		page.other = &lookup[tapAnswer]{node: a.node, kind: tapKind, every: tapEvery}
		page.question = tapQuestion{ClientID: v.arg, Page: page.run}
	}
	return func() renderedPage {
		_, conns, online := a.node.Registry.Client(v.arg)
		view := templates.TapView{AdminFrame: v.frame, ClientID: v.arg, Back: adminLink("clients", v.arg), Online: online, Live: v.live}
		if !v.live {
			return renderedPage{body: templates.Tap(view), parts: view.Fragments()}
		}
		page.own.follow(conns)
		events := page.own.take()
		for _, answer := range page.other.ask(page.question) {
			events = append(events, page.unseen(answer)...)
		}
		fresh, changed := page.add(events)
		view.Silent = strings.Join(silentServers(a.node, page.other.ask(page.question)), ", ")
		parts := append(view.Fragments(), changed...)
		return renderedPage{body: templates.Tap(view), parts: parts, feed: func(uint64) ([]templ.Component, uint64) { return fresh, page.count }}
	}, nil
}

// tapEvent is an event as one connection was given it.
type tapEvent struct {
	Count uint64 `json:"count"` // of its tap
	Conn  string `json:"conn"`
	Node  string `json:"node"`
	SSE   []byte `json:"sse"` // whole
}

// tap collects the events of a client's streams on this server until they are taken.
type tap struct {
	node  *node.Node
	stop  func()
	stops map[*presence.Connection]func() // of the connections that are tapped

	mu      sync.Mutex
	born    map[*presence.Connection]bool // connections tapped since they began, while the tap is open
	waiting []tapEvent                    // oldest first
	count   uint64                        // all that ever came
	closed  bool
}

// newTap taps a client until close.
func newTap(n *node.Node, clientID string) *tap {
	t := &tap{node: n, stops: make(map[*presence.Connection]func()), born: make(map[*presence.Connection]bool)}
	t.stop = n.Taps.Add(clientID, t.startTap)
	return t
}

// startTap taps a connection from its first event on.
func (t *tap) startTap(conn *presence.Connection) func(sse []byte) {
	t.mu.Lock()
	t.born[conn] = true
	t.mu.Unlock()
	return t.captureOf(conn)
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
			t.stops[conn] = at.Tap(t.captureOf(conn))
		}
	}
	for conn, stop := range t.stops {
		if !here[conn] {
			stop()
			delete(t.stops, conn)
		}
	}
}

// captureOf returns the receiver of a connection's events, which the shards call.
func (t *tap) captureOf(conn *presence.Connection) func(sse []byte) {
	return func(sse []byte) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.closed {
			return
		}
		for _, one := range bytes.SplitAfter(sse, []byte("\n\n")) {
			if !bytes.Contains(one, []byte("event: ")) {
				continue // a heartbeat
			}
			if len(t.waiting) == mostTapped {
				t.waiting = append(t.waiting[:0], t.waiting[1:]...)
			}
			t.count++
			t.waiting = append(t.waiting, tapEvent{t.count, conn.ID, conn.Node, one})
		}
	}
}

// mostTapped is how many events of a client's connections wait for a page.
const mostTapped = 5 * feedKeep

// take returns the events since its last call, oldest first.
func (t *tap) take() []tapEvent {
	t.mu.Lock()
	defer t.mu.Unlock()
	events := t.waiting
	t.waiting = nil
	return events
}

func (t *tap) close() {
	t.stop()
	t.mu.Lock()
	t.closed, t.waiting = true, nil
	t.mu.Unlock()
	for _, stop := range t.stops {
		stop()
	}
}

// tapPage has the rows of an open tap: one for each event, however many connections were given it.
type tapPage struct {
	run      string // distinguishes this page's rows from those of an earlier stream of it
	own      *tap
	other    *lookup[tapAnswer]
	question tapQuestion
	seen     map[string]uint64 // by session: the newest event of its tap that is shown

	rows  []*templates.EventRow // newest first, as many as a feed keeps
	count uint64                // rows that ever were
}

// unseen returns the events of another server's answer that are not shown yet.
func (p *tapPage) unseen(answer node.Answer[tapAnswer]) []tapEvent {
	if p.seen == nil {
		p.seen = make(map[string]uint64)
	}
	seen := p.seen[answer.Session]
	if n := len(answer.Value.Events); n > 0 {
		if answer.Value.Events[n-1].Count < seen {
			seen = 0 // the server has closed the tap meanwhile, and counts anew
		}
		p.seen[answer.Session] = answer.Value.Events[n-1].Count
	}
	return slices.DeleteFunc(slices.Clone(answer.Value.Events), func(e tapEvent) bool { return e.Count <= seen })
}

// add adds events to the rows. It returns the new rows, newest first, and the rows of the page that have changed.
func (p *tapPage) add(events []tapEvent) (fresh []templ.Component, changed []templates.Fragment) {
	var added []*templates.EventRow
	renewed := make(map[*templates.EventRow]bool)
	for i := range events {
		row, id := parsedRow(events[i].SSE), shortID(events[i].Conn)
		same := func(r *templates.EventRow) bool { return sameEvent(r, &row) && !slices.Contains(r.Connections, id) }
		if i := slices.IndexFunc(p.rows, same); i >= 0 {
			p.rows[i].Connections = append(p.rows[i].Connections, id)
			renewed[p.rows[i]] = true
			continue
		}
		p.count++
		row.Key = "tap-" + p.run + "-" + strconv.FormatUint(p.count, 10)
		row.Connections = []string{id}
		p.rows = slices.Insert(p.rows, 0, &row)
		added = append(added, &row)
	}
	p.rows = p.rows[:min(len(p.rows), feedKeep)]
	for _, row := range slices.Backward(added) {
		fresh = append(fresh, templates.EventItem(*row))
	}
	for _, row := range p.rows {
		if renewed[row] && !slices.Contains(added, row) {
			changed = append(changed, templates.Fragment{ID: row.Key, Body: templates.EventItem(*row)})
		}
	}
	return fresh, changed
}

// sameEvent reports whether two rows are one event of the log. The server's own events are of one connection each.
func sameEvent(x, y *templates.EventRow) bool {
	return !x.Notice && !y.Notice && x.ID == y.ID && x.Type == y.Type && x.Channel == y.Channel && x.Payload == y.Payload
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
	if !row.Notice {
		row.TraceHref = traceLink(row.ID, body.ChannelName)
	}
	row.Payload, row.Line = plainJSON(indented(payload)), reply.Short(plainJSON(string(payload)), lineLen)
	return row
}

// withoutSecrets returns an event as it may leave the server: a registered event without its stream's secret.
func withoutSecrets(sse []byte) []byte {
	if !bytes.Contains(sse, []byte("event: registered\n")) {
		return sse
	}
	before, data, ok := bytes.Cut(sse, []byte("data: "))
	var body struct {
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if !ok || json.Unmarshal(data, &body) != nil {
		return []byte("event: registered\ndata: {}\n\n")
	}
	var text string
	if json.Unmarshal(body.Payload, &text) == nil {
		body.Payload = eventlog.AppendString(nil, string(withoutSecret([]byte(text))))
	} else {
		body.Payload = withoutSecret(body.Payload)
	}
	shown, _ := json.Marshal(body) // valid JSON and a string
	return slices.Concat(before, []byte("data: "), shown, []byte("\n\n"))
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
		Payload: plainJSON(indented(r.Payload())), Line: reply.Short(plainJSON(string(r.Payload())), lineLen),
	}
	row.At, _ = time.Parse(time.RFC3339, r.Timestamp())
	row.TraceHref = traceLink(id, r.Channel())
	return row
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
