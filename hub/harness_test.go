package hub

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"rollcall/hub/eventlog"
)

// harness is a hub under test with verbs, in a synctest bubble. Its log has the
// epoch "e" and its events are numbered by their payloads.
type harness struct {
	failer
	log  *eventlog.Memory
	hub  *Hub
	sent int
}

// inBubble runs a test with a hub in a bubble and checks the hub at its end.
func inBubble(t *testing.T, keep eventlog.Options, opts Options, test func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, keep, opts)
		defer h.close()
		test(h)
		h.rest()
	})
}

func start(t failer, keep eventlog.Options, opts Options) *harness {
	keep.Epoch = "e"
	log := eventlog.NewMemory(keep)
	return &harness{failer: t, log: log, hub: New(log, opts)}
}

func (h *harness) close() {
	h.hub.Close()
	_ = h.log.Close()
	if n := h.hub.Held(); n != 0 {
		h.Fatalf("%d bytes are held for streams that have ended", n)
	}
}

// rest waits until nothing happens any more and checks the hub, whose shards answer
// that in a turn: they too are over it when rest returns.
func (h *harness) rest() {
	h.Helper()
	synctest.Wait()
	check(h, h.hub)
	synctest.Wait()
}

// publish appends one batch, an event of type m for each channel named, whose
// payloads count all events from 1, and returns when the hub is at rest.
func (h *harness) publish(channels ...string) {
	h.Helper()
	h.publishRaw(channels...)
	h.rest()
}

func (h *harness) publishRaw(channels ...string) {
	h.Helper()
	events := make([]eventlog.Event, len(channels))
	for i, c := range channels {
		h.sent++
		events[i] = eventlog.Event{Channel: c, Type: "m", Payload: strconv.AppendInt(nil, int64(h.sent), 10)}
	}
	h.append(events...)
}

func (h *harness) append(events ...eventlog.Event) {
	h.Helper()
	if _, err := h.hub.Publish(context.Background(), events); err != nil {
		h.Fatal(err)
	}
}

// peer is a client of the hub: a stream with both its ends.
type peer struct {
	*fake
	*owner
	h     *harness
	conn  *Conn
	wire  wire
	fed   int
	shown int // frames that show has returned
}

// greet is what package web begins a stream with.
func greet(_, id eventlog.Position, resumed bool) []byte {
	return eventlog.AppendNotice([]byte("retry: 3000\n"), id, "", "registered", fmt.Appendf(nil, `{"resumed":%t}`, resumed))
}

// join attaches a stream that takes everything and waits.
func (h *harness) join(resume string, channels ...string) *peer {
	h.Helper()
	p := h.newPeer(endless)
	p.attach(Subscription{Resume: resume, Channels: channels})
	h.rest()
	return p
}

func (h *harness) newPeer(room int) *peer {
	return &peer{fake: newFake(true, room), owner: new(owner), h: h, wire: wire{chunked: true}}
}

// attach attaches p with what the subscription leaves open.
func (p *peer) attach(sub Subscription) {
	p.h.Helper()
	if sub.Transport == nil {
		sub.Transport = p.fake
	}
	if sub.Owner == nil {
		sub.Owner = p.owner
	}
	if sub.Greet == nil {
		sub.Greet = greet
	}
	p.conn = p.h.hub.Attach(sub)
}

// frames returns all that the client has got until now.
func (p *peer) frames() []frame {
	p.h.Helper()
	now := p.look()
	if now.wrong != "[]" {
		p.h.Fatalf("the shard did what it must not: %s", now.wrong)
	}
	p.wire.feed(now.taken[p.fed:])
	p.fed = len(now.taken)
	if p.wire.err != nil {
		p.h.Fatalf("%v in %q", p.wire.err, now.taken)
	}
	return p.wire.frames
}

// want fails the test unless these, in the format of brief, are the frames that p received since the last call.
func (p *peer) want(frames ...string) {
	p.h.Helper()
	var got []string
	for _, f := range p.frames()[p.shown:] {
		got = append(got, brief(p.h, f))
	}
	p.shown += len(got)
	if !slices.Equal(got, frames) {
		p.h.Fatalf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(frames, "\n\t"))
	}
}

// wantEnd fails the test unless p has ended once, for this reason.
func (p *peer) wantEnd(code string) {
	p.h.Helper()
	ends := p.ended()
	if len(ends) != 1 || ends[0].Code != code {
		p.h.Fatalf("ends %v, want one for %q", ends, code)
	}
	if !p.look().closed {
		p.h.Fatal("ended, and the transport isn't closed")
	}
}

func (p *peer) wantOpen() {
	p.h.Helper()
	if ends := p.ended(); len(ends) > 0 || p.look().closed {
		p.h.Fatalf("has ended: %v", ends)
	}
}

// brief formats a frame: type, channel, position.
func brief(t failer, f frame) string {
	t.Helper()
	at := "@" + strings.TrimPrefix(f.id, "e-")
	b := f.json(t)
	if b.Type != f.typ {
		t.Fatalf("event %q says it is %q", f.typ, b.Type)
	}
	if f.typ == "m" {
		return b.ChannelName + " " + string(b.Payload) + at
	}
	text := b.text(t)
	switch f.typ {
	case "registered":
		if text == `{"resumed":true}` {
			return "registered resumed" + at
		}
		return "registered" + at
	case "goodbye":
		code, _, _ := strings.Cut(strings.TrimPrefix(text, `{"code":"`), `"`)
		return "goodbye " + code + at
	}
	return strings.TrimSpace(f.typ+" "+b.ChannelName) + " " + text + at
}
