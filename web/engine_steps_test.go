package web_test

import (
	"context"
	"strconv"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// noneBefore is the part of an engine whose store is neither read backwards nor by patterns.
type noneBefore struct{}

func (noneBefore) OlderBefore(context.Context, string, uint64, eventlog.Limit) ([]*eventlog.Record, error) {
	return nil, nil
}

func (noneBefore) Match(context.Context, eventlog.Patterns) ([]string, error) { return nil, nil }

// stepEngine is an engine whose store answers in steps that a test has written.
type stepEngine struct {
	web.MemoryEngine
	noneBefore
	steps []eventlog.Batch
	last  func() []*eventlog.Record
}

func (e *stepEngine) Older(_ context.Context, _ []string, after uint64, _ eventlog.Limit) (eventlog.Batch, error) {
	if len(e.steps) == 0 {
		return eventlog.Batch{Through: after, Done: true}, nil
	}
	b := e.steps[0]
	e.steps = e.steps[1:]
	return b, nil
}

func (e *stepEngine) LastOlder(context.Context, []string) ([]*eventlog.Record, error) {
	return e.last(), nil
}

func newStepEngine(t *testing.T) *stepEngine {
	e := &stepEngine{MemoryEngine: web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{})}}
	t.Cleanup(func() { e.Close() })
	return e
}

// A gap that only a later step of the reading finds is announced too, each channel's once.
func TestEngineGapsOfLaterSteps(t *testing.T) {
	t.Parallel()
	engine := newStepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for range 3 {
		srv.Publish("a", "1")
	}
	recs := engine.Page("a", 0, 3)
	engine.steps = []eventlog.Batch{
		{Records: recs[2:], Through: 1, Gaps: []eventlog.Gap{{Channel: "a"}}},
		{Records: recs[1:2], Through: 2, Gaps: []eventlog.Gap{{Channel: "b", Empty: true}, {Channel: "a"}}, Done: true},
	}
	from := engine.Head().Epoch + "-0"
	st := srv.Subscribe("channels=a,b", "Last-Event-ID: "+from)
	st.WantRegistered()
	st.WantGap("a", from, "evicted")
	st.WantGap("b", from, "evicted")
}

// Events that leave the memory while the store is read are read from the store too: the
// stream gets them and no gap.
func TestEngineReadsWhatLeavesTheMemoryMeanwhile(t *testing.T) {
	t.Parallel()
	engine := newStepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for i := range 3 {
		srv.Publish("a", strconv.Itoa(i+1))
	}
	recs := engine.Page("a", 0, 3)
	engine.Lose("a", 2) // by the time the first step has been read
	engine.steps = []eventlog.Batch{
		{Records: recs[2:], Through: 1, Done: true},
		{Records: recs[1:2], Through: 2, Done: true},
	}
	st := srv.Subscribe("channels=a", "Last-Event-ID: "+engine.Head().Epoch+"-0")
	st.WantRegistered()
	for _, payload := range []string{"1", "2", "3"} {
		st.WantEvent("a", "message", payload)
	}
}

// fullEngine is an engine whose store can't be read because its disk is full.
type fullEngine struct{ *stepEngine }

func (e fullEngine) LastOlder(context.Context, []string) ([]*eventlog.Record, error) {
	return nil, eventlog.ErrFull
}

// Readers learn what is wrong with the store, and get no text about publishing.
func TestReadersAreToldNothingOfPublishing(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{Engine: fullEngine{newStepEngine(t)}})
	answer := srv.Get("/lastEvent?channel=a")
	if got, want := answer.WantFault(503, "store_full", ""), "The event store is full. Try again."; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
	answer.WantHeader("Retry-After", "10")
}

// An event that comes while the store is read for the newest one is the newest.
func TestEngineLastMeanwhile(t *testing.T) {
	t.Parallel()
	engine := newStepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	engine.last = func() []*eventlog.Record { // the store is not asked for what the memory has by now
		srv.Publish("a", "1")
		return []*eventlog.Record{nil}
	}
	if got := string(srv.Get("/lastEvent?channel=a").WantStatus(200).Body); got != `{"response":"{\"type\":\"message\",\"payload\":1}"}`+"\n" {
		t.Errorf("got %s", got)
	}
}
