package web_test

import (
	"context"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// stepEngine is an engine whose store answers in steps that a test has written.
type stepEngine struct {
	web.MemoryEngine
	steps []eventlog.Batch
	last  func() []*eventlog.Record
}

func (e *stepEngine) Older(context.Context, []string, uint64, eventlog.Limit) (eventlog.Batch, error) {
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

// A gap that only a later step of the reading finds is told too, each channel's once.
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

// An event that comes while the store is read for the newest one is the newest.
func TestEngineLastMeanwhile(t *testing.T) {
	t.Parallel()
	engine := newStepEngine(t)
	srv := webtest.Start(t, web.Options{Engine: engine})
	engine.last = func() []*eventlog.Record { // the store is not asked for what the memory has by now
		srv.Publish("a", "1")
		return []*eventlog.Record{nil}
	}
	if got := string(srv.Get("/lastEvent?channel=a").WantStatus(200).Body); got != `{"response":"{\"type\":\"message\",\"payload\":1}"}` {
		t.Errorf("got %s", got)
	}
}
