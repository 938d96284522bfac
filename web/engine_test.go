package web_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// deepEngine is an engine whose store keeps everything, while its memory keeps the
// newest three events of a channel.
type deepEngine struct {
	web.MemoryEngine

	mu     sync.Mutex
	away   bool
	store  []*eventlog.Record
	during func() // called while the newest events are read
}

func newDeepEngine(t *testing.T) *deepEngine {
	e := &deepEngine{MemoryEngine: web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{Events: 3})}}
	t.Cleanup(func() { e.Close() })
	return e
}

func (e *deepEngine) Append(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	results, err := e.MemoryEngine.Append(ctx, events)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range events {
		e.store = append(e.store, e.Page(ev.Channel, 0, 1)[0])
	}
	return results, err
}

func (e *deepEngine) Older(_ context.Context, channels []string, after uint64, limit eventlog.Limit) (eventlog.Batch, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return eventlog.Batch{}, eventlog.ErrUnavailable
	}
	b := eventlog.Batch{Through: after, Done: true}
	kept := e.Page(channels[0], 0, 3)
	for _, r := range e.store {
		if r.Channel() != channels[0] || r.Seq <= after || r.Seq >= kept[len(kept)-1].Seq {
			continue
		}
		if n := len(b.Records); n == 4 || limit.Events > 0 && n == limit.Events { // a short step, so that several are needed
			b.Done = false
			return b, nil
		}
		b.Records, b.Through = append(b.Records, r), r.Seq
	}
	return b, nil
}

func (e *deepEngine) LastOlder(_ context.Context, channels []string) ([]*eventlog.Record, error) {
	e.mu.Lock()
	during := e.during
	e.mu.Unlock()
	if during != nil {
		defer during() // what the store says is older than this
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return nil, eventlog.ErrUnavailable
	}
	recs := make([]*eventlog.Record, len(channels))
	for _, r := range e.store {
		if i := slices.Index(channels, r.Channel()); i >= 0 {
			recs[i] = r
		}
	}
	return recs, nil
}

func (e *deepEngine) OlderBefore(_ context.Context, channel string, before uint64, limit eventlog.Limit) (recs []*eventlog.Record, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return nil, eventlog.ErrUnavailable
	}
	for _, r := range e.store {
		if r.Channel() == channel && r.Seq < before {
			recs = append(recs, r)
		}
	}
	return recs[max(0, len(recs)-limit.Events):], nil
}

func (e *deepEngine) Match(_ context.Context, patterns eventlog.Patterns) (names []string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return nil, eventlog.ErrUnavailable
	}
	for _, r := range e.store {
		if patterns.Matches(r.Channel()) {
			names = append(names, r.Channel())
		}
	}
	return names, nil
}

// A stream that resumes, and the history, get from the store what the server no
// longer has in memory: no gap, every event once and in order.
func TestEngineOlder(t *testing.T) {
	t.Parallel()
	engine := newDeepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for i := range 12 {
		srv.Publish("a", fmt.Sprint(i))
	}
	epoch := engine.Head().Epoch
	st := srv.Subscribe("channels=a", "Last-Event-ID: "+epoch+"-2")
	if !st.WantRegistered().Resumed {
		t.Error("not resumed")
	}
	for i := 2; i < 12; i++ {
		st.WantEvent("a", "message", fmt.Sprint(i))
	}
	srv.Publish("a", `"live"`)
	st.WantEvent("a", "message", `"live"`)

	if p := history(t, srv, "channel=a&limit=3"); len(p.Events) != 3 || *p.Gap || p.Events[0].ID != epoch+"-1" {
		t.Errorf("history begins with %+v", p)
	}
	var all []string
	for before := ""; ; { // backwards, from the memory into the store and to its beginning
		p := history(t, srv, "channel=a&last=5"+before)
		if len(p.Events) == 0 {
			break
		}
		var page []string
		for _, e := range p.Events {
			page = append(page, string(e.Payload))
		}
		all = append(page, all...)
		before = "&before=" + p.Events[0].ID
	}
	if got := strings.Join(all, " "); got != `0 1 2 3 4 5 6 7 8 9 10 11 "live"` {
		t.Errorf("backwards there is %s", got)
	}
	if got := engine.Stats().Published; got != 13 {
		t.Errorf("%d were published", got)
	}
	if _, err := engine.Purge(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	srv.Get("/lastEvent?channel=never").WantStatus(200)
}

// A fresh stream gets the newest event of each channel, as GET /lastEvent returns it, even if only the store has it.
func TestEngineLastOlder(t *testing.T) {
	t.Parallel()
	engine := newDeepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for _, payload := range []string{"1", "2"} {
		srv.Publish("quiet", payload)
	}
	srv.Publish("a", "3")
	forget := func() { engine.Memory.Purge("quiet") }
	forget()
	want := func(quiet string) {
		t.Helper()
		st := srv.Subscribe("channels=a,quiet,never")
		st.WantRegistered()
		st.WantLast("a", `{"type":"message","payload":3}`)
		st.WantLast("quiet", quiet)
		st.WantLast("never", "{}")
		srv.Publish("never", `"live"`) // what comes next, comes once
		st.WantEvent("never", "message", `"live"`)
		engine.Memory.Purge("never")
		engine.mu.Lock()
		engine.store = slices.DeleteFunc(engine.store, func(r *eventlog.Record) bool { return r.Channel() == "never" })
		engine.mu.Unlock()
	}
	want(`{"type":"message","payload":2}`)

	// What is published while the store is read counts, as long as it is known.
	during := func(do func()) {
		engine.mu.Lock()
		defer engine.mu.Unlock()
		engine.during = do
	}
	during(func() { srv.Publish("quiet", "4") })
	want(`{"type":"message","payload":4}`)
	during(func() { srv.Publish("quiet", "5"); forget() })
	forget()
	want("{}")
	during(nil)
	want(`{"type":"message","payload":5}`)

	engine.mu.Lock()
	engine.away = true
	engine.mu.Unlock()
	srv.Subscribe("channels=quiet").WantGoodbye("overloaded", true)
	st := srv.Subscribe("channels=a") // nothing has to be read
	st.WantRegistered()
	st.WantLast("a", `{"type":"message","payload":3}`)
}

// While the store is away, a stream that would have a gap that is none is sent away
// for a while, with its position; one that has missed nothing goes on.
func TestEngineAway(t *testing.T) {
	t.Parallel()
	engine := newDeepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for i := range 6 {
		srv.Publish("a", fmt.Sprint(i))
	}
	engine.mu.Lock()
	engine.away = true
	engine.mu.Unlock()
	epoch := engine.Head().Epoch
	st := srv.Subscribe("channels=a", "Last-Event-ID: "+epoch+"-1")
	st.WantGoodbye("overloaded", true)
	srv.Get("/history?channel=a").WantFault(503, "store_unavailable", "")
	srv.Get("/lastEvent?channel=other").WantFault(503, "store_unavailable", "")
	if srv.Streams() != 0 {
		t.Error("a stream was left")
	}
}

// brokenEngine refuses every append with one error.
type brokenEngine struct {
	web.MemoryEngine
	err error
}

func (f brokenEngine) Append(context.Context, []eventlog.Event) ([]eventlog.Result, error) {
	return nil, f.err
}

func (f brokenEngine) State() web.EngineState {
	return web.EngineState{Name: "a store", Reason: "dial tcp 10.0.0.7:4222"}
}

// What a store can't do has a code of its own, and the server is not ready.
func TestEngineFaults(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		eventlog.ErrUnavailable: {503, "store_unavailable"},
		eventlog.ErrLost:        {503, "store_unavailable"},
		eventlog.ErrUnknown:     {503, "outcome_unknown"},
		eventlog.ErrFull:        {503, "store_full"},
		eventlog.ErrTooMany:     {413, "too_large_to_store"},
		eventlog.ErrTooLarge:    {413, "too_large_to_store"},
		eventlog.ErrBusy:        {429, "busy"},
		errors.New("other"):     {503, "unavailable"},
	} {
		memory := eventlog.NewMemory(eventlog.Options{})
		t.Cleanup(func() { memory.Close() })
		srv := webtest.Start(t, web.Options{Engine: brokenEngine{web.MemoryEngine{Memory: memory}, fmt.Errorf("%w: why", err)}})
		srv.Post("/publish", `{"events":[{"channelName":"a","type":"m","payload":1}]}`).WantFault(want.status, want.code, "")
		ready := srv.Get("/readyz")
		ready.WantFault(503, "store_unavailable", "")
		if strings.Contains(string(ready.Body), "10.0.0.7") {
			t.Errorf("/readyz tells anybody the address of the store: %s", ready.Body)
		}
		srv.Get("/healthz").WantStatus(200)
	}
}
