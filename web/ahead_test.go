package web_test

import (
	"context"
	"testing"
	"time"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// laggingEngine is a server's log in a cluster: it follows another one, and is behind it.
type laggingEngine struct {
	web.MemoryEngine
	awaited chan uint64 // gets each position that a request waits for
	patient bool        // requests wait until the log has moved; others find it behind at once
}

func newLaggingEngine(t *testing.T, patient bool) *laggingEngine {
	memory := eventlog.NewFollower(eventlog.Options{Epoch: "e"}, 0)
	t.Cleanup(func() { memory.Close() })
	e := &laggingEngine{MemoryEngine: web.MemoryEngine{Memory: memory}, awaited: make(chan uint64, 1), patient: patient}
	e.follow(t, 1, 2, 3)
	return e
}

// follow has the events with these numbers arrive, all at once.
func (e *laggingEngine) follow(t *testing.T, seqs ...uint64) {
	t.Helper()
	var batch []eventlog.Stored
	for _, seq := range seqs {
		ev := eventlog.Event{Channel: "a", Type: "message", Payload: []byte{'0' + byte(seq)}}
		batch = append(batch, eventlog.Stored{Event: ev, Seq: seq, Time: time.Now()})
	}
	if err := e.Follow(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func (e *laggingEngine) Await(ctx context.Context, seq uint64) error {
	if e.Head().Seq >= seq {
		return nil
	}
	if e.patient {
		ctx = context.WithoutCancel(ctx)
		e.awaited <- seq
	} else {
		late, cancel := context.WithDeadline(ctx, time.Now())
		defer cancel()
		ctx = late
	}
	return e.MemoryEngine.Await(ctx, seq)
}

// A client that comes from a server that is ahead resumes exactly: without a gap and without repetitions.
func TestResumeAheadOfMirror(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"header": "Last-Event-ID: e-5", "fresh header": "Last-Event-ID: "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newLaggingEngine(t, true)
			srv := webtest.Start(t, web.Options{Engine: engine})
			opened := make(chan *webtest.Stream, 1)
			go func() { opened <- srv.Subscribe("channels=a&lastEventId=e-5", header) }()
			if seq := <-engine.awaited; seq != 5 {
				t.Errorf("%d is waited for", seq)
			}
			engine.follow(t, 4, 5, 6)
			st := <-opened
			if !st.WantRegistered().Resumed {
				t.Error("not resumed")
			}
			if id := st.WantEvent("a", "message", "6"); id != "e-6" {
				t.Errorf("id %s", id)
			}
		})
	}
}

// A page of history from a position of a server that is ahead has no gap, and begins behind it.
func TestHistoryAheadOfMirror(t *testing.T) {
	t.Parallel()
	engine := newLaggingEngine(t, true)
	srv := webtest.Start(t, web.Options{Engine: engine})
	answer := make(chan *webtest.Answer, 1)
	go func() { answer <- srv.Get("/history?channel=a&after=e-5") }()
	<-engine.awaited
	engine.follow(t, 4, 5, 6)
	var p page
	(<-answer).WantStatus(200).Into(&p)
	wantPage(t, p, false, "6")

	go func() { answer <- srv.Get("/lastEvent?channel=a&lastEventId=e-7") }()
	<-engine.awaited
	engine.follow(t, 7)
	(<-answer).WantStatus(200).WantHeader("Last-Event-ID", "e-7").WantJSON(`{"response":"{\"type\":\"message\",\"payload\":7}"}`)
}

// If the server does not reach the position in time, the client reconnects with it.
func TestBehindTheMirror(t *testing.T) {
	t.Parallel()
	engine := newLaggingEngine(t, false)
	srv := webtest.Start(t, web.Options{Engine: engine})
	for _, path := range []string{"/subscribe?channels=a", "/messages?room=a", "/events?memberId=ann"} {
		st := srv.Open("GET", path, "", "Last-Event-ID: e-5")
		ev, _ := st.Next()
		if ev.Type != "goodbye" || ev.ID != "e-5" {
			t.Errorf("%s: %+v", path, ev)
		}
		st.WantEnd()
	}
	srv.Get("/history?channel=a&after=e-5").WantFault(503, "behind", "")
	srv.Get("/lastEvent?channel=a&lastEventId=e-5").WantFault(503, "behind", "")
	if srv.Streams() != 0 {
		t.Error("a stream was left")
	}
	engine.follow(t, 4, 5)
	if !srv.Subscribe("channels=a", "Last-Event-ID: e-5").WantRegistered().Resumed {
		t.Error("not resumed")
	}
}

// A position that no server gave starts afresh, without a wait.
func TestResumeInTheFuture(t *testing.T) {
	t.Parallel()
	srv := start(t)
	srv.Publish("a", "1")
	epoch := srv.Head()[:len(srv.Head())-2]
	st := srv.Subscribe("channels=a", "Last-Event-ID: "+epoch+"-9")
	st.WantRegistered()
	st.WantGap("a", epoch+"-9", "unknown")
	st.WantLast("a", `{"type":"message","payload":1}`)
}
