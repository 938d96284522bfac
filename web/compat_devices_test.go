package web_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// slowEngine has the appends of devices' places, from the second on, wait for leave.
type slowEngine struct {
	web.MemoryEngine
	places  atomic.Int32
	entered chan struct{} // gets a value for each place
	leave   chan struct{}
}

func (e *slowEngine) Append(ctx context.Context, events []eventlog.Event) ([]eventlog.Result, error) {
	if !strings.HasPrefix(events[0].Channel, "$") {
		return e.MemoryEngine.Append(ctx, events)
	}
	if e.places.Add(1) > 1 {
		e.entered <- struct{}{}
		<-e.leave
		return e.MemoryEngine.Append(ctx, events)
	}
	defer func() { e.entered <- struct{}{} }()
	return e.MemoryEngine.Append(ctx, events)
}

// A device that comes back while its place is being appended goes on where it stood.
func TestDevicePlaceWhileItIsAppended(t *testing.T) {
	engine := &slowEngine{
		MemoryEngine: web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{})},
		entered:      make(chan struct{}, 100), leave: make(chan struct{}),
	}
	t.Cleanup(func() { engine.Close() })
	srv := webtest.Start(t, web.Options{Engine: engine})
	t.Cleanup(func() { close(engine.leave) })
	const stream = "/events?memberId=ann&deviceId=phone"
	st := srv.Open("GET", stream, "")
	<-engine.entered // where it began is kept
	srv.Post("/events?memberId=ann", `{"type":"FIRST"}`).WantStatus(202)
	if ev, err := st.Parser.Next(); ev.Type != "FIRST" {
		t.Fatal(ev, err)
	}
	st.Close()
	<-engine.entered // where it ended is on its way
	srv.Post("/events?memberId=ann", `{"type":"SECOND"}`).WantStatus(202)
	if ev, err := srv.Open("GET", stream, "").Parser.Next(); ev.Type != "SECOND" {
		t.Errorf("it gets %v (%v), want what it missed", ev, err)
	}
}
