package web_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// pastEngine is an engine whose store has the same events before every position.
type pastEngine struct {
	web.MemoryEngine
	noneBefore
	past []*eventlog.Record
}

func (e *pastEngine) Older(_ context.Context, _ []string, after uint64, _ eventlog.Limit) (eventlog.Batch, error) {
	if after > 0 {
		return eventlog.Batch{Through: after, Done: true}, nil
	}
	return eventlog.Batch{Records: e.past, Through: e.past[len(e.past)-1].Seq, Done: true}, nil
}

func (e *pastEngine) LastOlder(_ context.Context, channels []string) ([]*eventlog.Record, error) {
	return make([]*eventlog.Record, len(channels)), nil
}

func (e *pastEngine) Floors(channels []string) []uint64 { return make([]uint64, len(channels)) }

// Events that were read from the store for streams have a total. A stream without room is asked to reconnect; sent
// events, and those of ended streams, are released.
func TestOlderTotal(t *testing.T) {
	t.Parallel()
	const events, size = 400, 50_000
	engine := &pastEngine{MemoryEngine: web.MemoryEngine{Memory: eventlog.NewMemory(eventlog.Options{Bytes: 2 * events * size})}}
	t.Cleanup(func() { engine.Close() })
	srv := webtest.Start(t, web.Options{Engine: engine})
	payload := `"` + strings.Repeat("x", size) + `"`
	for range events {
		srv.Publish("a", payload)
	}
	engine.past = engine.Page("a", 0, events)
	slices.SortFunc(engine.past, func(a, b *eventlog.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	srv.SetOlderTotal(events * size * 5 / 4)
	from := "Last-Event-ID: " + engine.Head().Epoch + "-0"
	slow := srv.Subscribe("channels=a", from)
	if held := srv.OlderHeld(); held < events*size {
		t.Fatalf("%d bytes are held of %d", held, events*size)
	}
	second := srv.Subscribe("channels=a", from)
	second.WantGoodbye("overloaded", true)
	slow.WantRegistered()
	for range events {
		slow.WantEvent("a", "message", payload)
	}
	for deadline := time.Now().Add(webtest.Patience); srv.OlderHeld() != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are held for nobody", srv.OlderHeld())
		}
		srv.Get("/healthz")
	}
	srv.Subscribe("channels=a", from).WantRegistered()
}
