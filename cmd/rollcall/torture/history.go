package torture

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Event is an event as it is published. No two have the same payload.
type Event struct{ Channel, Payload string }

// Outcome is a publisher's knowledge about an attempt.
type Outcome string

const (
	Acked   Outcome = "acked"   // it is in the log, under the ids that were answered
	Refused Outcome = "refused" // it certainly is not
	Unknown Outcome = "unknown" // it may be
)

// Attempt is a publish of a batch. A batch that is published again has the same events.
type Attempt struct {
	Publisher    string
	Server       string
	Events       []Event
	Began, Ended time.Duration // since the History's begin
	Outcome      Outcome
	Code         string   // of the refusal
	IDs          []string // of acked events, in the order of Events
}

// Frame is an event of a stream, as it came, or the status of an answer that was no stream.
type Frame struct {
	Subscriber string
	Server     string
	At         time.Duration
	ID         string
	Kind       string // the event's name, or "status"
	Channel    string
	Payload    string // of a lastEvent: the payload of the announced event; "" without one

	Asked   string // of registered: the position that the client sent
	Resumed bool   // of registered
	After   string // of a gap
	Reason  string // of a gap; of a goodbye its code
	Status  int    // of a status
}

// Read is an event of a page.
type Read struct{ ID, Channel, Payload string }

// Page is a page of /history that was answered.
type Page struct {
	Server  string
	At      time.Duration
	Channel string
	After   string // as asked
	Events  []Read
	Next    string
	Gap     bool
}

// Last is an answer of /lastEvent.
type Last struct {
	Server  string
	At      time.Duration
	Channel string
	ID      string // the log's position at that time
	Payload string // "" without an event
}

// Notice is an event of a presence stream.
type Notice struct {
	Watcher string
	Server  string
	At      time.Duration
	Kind    string   // snapshot, join, leave, update, goodbye
	Clients []string // of a snapshot all; else the one
	Online  int
}

// Roster is the online clients according to a server, after the last fault.
type Roster struct {
	Server  string
	Clients []string
}

// Text is a channel's text in pieces, and a subscriber's view of it.
type Text struct {
	Channel string
	Pieces  []string // all acknowledged, the last one with the channel's end
	Got     string   // by its subscriber, joined
	Behind  int      // events that came behind the end
	Gaps    []string // reasons; what came before is not in Got
	Over    bool     // the server said that the channel is complete
}

// Gauge is a metric of a server without clients.
type Gauge struct {
	Server string
	Name   string
	Value  float64
}

// History is all that the clients of a round sent and got. The methods may be called by any goroutine; the fields may be read
// when the clients have ended.
type History struct {
	Attempts []Attempt
	Frames   []Frame
	Pages    []Page
	Lasts    []Last
	Notices  []Notice
	Rosters  []Roster
	Texts    []*Text
	Gauges   []Gauge

	Channels map[string][]string // of each subscriber; patterns, too
	Clients  []string            // clients online at the end
	Stuck    []string            // expectations not met after the last fault

	began time.Time
	mu    sync.Mutex
	acked []string // ids, for readers to ask for
}

// NewHistory begins now.
func NewHistory() *History { return &History{began: time.Now(), Channels: make(map[string][]string)} }

// note lets f add to the history. Its argument is the time since the start.
func (h *History) note(f func(at time.Duration)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h.now())
}

func (h *History) now() time.Duration { return time.Since(h.began) }

func (h *History) attempt(a Attempt) {
	h.note(func(time.Duration) {
		h.Attempts = append(h.Attempts, a)
		if a.Outcome == Acked {
			h.acked = append(h.acked, a.IDs[len(a.IDs)-1])
		}
	})
}

func (h *History) frame(f Frame) {
	h.note(func(at time.Duration) { f.At = at; h.Frames = append(h.Frames, f) })
}

func (h *History) page(p Page) {
	h.note(func(at time.Duration) { p.At = at; h.Pages = append(h.Pages, p) })
}

func (h *History) last(l Last) {
	h.note(func(at time.Duration) { l.At = at; h.Lasts = append(h.Lasts, l) })
}

func (h *History) notice(n Notice) {
	h.note(func(at time.Duration) { n.At = at; h.Notices = append(h.Notices, n) })
}

func (h *History) roster(r Roster) {
	h.note(func(time.Duration) { h.Rosters = append(h.Rosters, r) })
}

func (h *History) stuck(what string) {
	h.note(func(time.Duration) { h.Stuck = append(h.Stuck, what) })
}

// subscribe records a client's subscription.
func (h *History) subscribe(client string, channels []string) {
	h.note(func(time.Duration) { h.Channels[client] = channels })
}

// recent returns one of the last acked ids, "" if there is none yet.
func (h *History) recent(r *rand.Rand) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.acked) == 0 {
		return ""
	}
	return h.acked[len(h.acked)-1-r.IntN(min(len(h.acked), 20))]
}

// Write writes the history as one JSON value a line, to look for the cause of a violation.
func (h *History) Write(w io.Writer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := json.NewEncoder(w)
	for _, err := range []error{
		lines(out, "attempt", h.Attempts), lines(out, "frame", h.Frames), lines(out, "page", h.Pages),
		lines(out, "last", h.Lasts), lines(out, "notice", h.Notices), lines(out, "roster", h.Rosters), lines(out, "text", h.Texts), lines(out, "gauge", h.Gauges),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func lines[T any](out *json.Encoder, name string, list []T) error {
	for _, v := range list {
		if err := out.Encode(map[string]T{name: v}); err != nil {
			return err
		}
	}
	return nil
}
