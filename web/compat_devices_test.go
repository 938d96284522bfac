package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// A device that reconnects while its place is being appended resumes there.
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
	<-engine.entered // its first position is stored
	srv.Post("/events?memberId=ann", `{"type":"FIRST"}`).WantStatus(202)
	if ev, err := st.Parser.Next(); ev.Type != "FIRST" {
		t.Fatal(ev, err)
	}
	st.Close()
	<-engine.entered // its last position is being stored
	srv.Post("/events?memberId=ann", `{"type":"SECOND"}`).WantStatus(202)
	if ev, err := srv.Open("GET", stream, "").Parser.Next(); ev.Type != "SECOND" {
		t.Errorf("it gets %v (%v), want what it missed", ev, err)
	}
}

// placesChannel returns the channel of the places of a member's devices.
func placesChannel(member string) string {
	sum := sha256.Sum256([]byte(member))
	return "$device." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// A member with ever new devices takes no more of the log than one with some, and displaces no other member's events.
func TestDevicesPushOutNobody(t *testing.T) {
	t.Parallel()
	opts := web.Options{HistoryBudget: 64 << 10}
	log := eventlog.NewMemory(opts.History())
	opts.Engine = web.MemoryEngine{Memory: log}
	t.Cleanup(func() { log.Close() })
	srv := webtest.Start(t, opts)
	const orders, devices = 50, 200
	for n := range orders {
		srv.Publish("orders.a", fmt.Sprint(n))
	}
	for n := range devices {
		opened(t, srv, fmt.Sprintf("/events?memberId=ann&deviceId=%d", n)).Close()
	}
	eventually(t, "all places are kept", func() bool { return srv.Streams() == 0 && srv.PlacesDue() == 0 })
	if kept := log.Page("orders.a", 0, 2*orders); len(kept) != orders {
		t.Errorf("of %d orders %d are kept", orders, len(kept))
	}
	kept := log.Page(placesChannel("ann"), 0, 2*devices)
	if len(kept) == 0 || len(kept) > 2 {
		t.Fatalf("%d events are kept of the devices, want 1 or 2", len(kept))
	}
	var places map[string]string
	if err := json.Unmarshal(kept[0].Payload(), &places); err != nil || len(places) != 32 {
		t.Errorf("%d places are kept (%v), want 32", len(places), err)
	}
}

// Two servers that append the places of a member's devices at the same time lose none.
func TestDevicesOfTwoServersAtOnce(t *testing.T) {
	t.Parallel()
	log := eventlog.NewMemory((&web.Options{}).History())
	t.Cleanup(func() { log.Close() })
	engine := web.MemoryEngine{Memory: log}
	for _, device := range []string{"phone", "watch"} { // each by a server that has not seen the other's event
		own := eventlog.NewMemory((&web.Options{Engine: engine}).History())
		srv := webtest.Start(t, web.Options{Engine: web.MemoryEngine{Memory: own}})
		opened(t, srv, "/events?memberId=ann&deviceId="+device).Close()
		eventually(t, "the place is kept", func() bool { return srv.Streams() == 0 && srv.PlacesDue() == 0 })
		place := own.Page(placesChannel("ann"), 0, 1)[0]
		payload := strings.ReplaceAll(string(place.Payload()), own.Head().Epoch, log.Head().Epoch)
		if _, err := log.Append(t.Context(), []eventlog.Event{{Channel: placesChannel("ann"), Type: place.Type(), Payload: []byte(payload)}}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { own.Close() })
	}
	srv := webtest.Start(t, web.Options{Engine: engine})
	srv.Post("/events?memberId=ann", `{"type":"E","body":1}`).WantStatus(202)
	for _, device := range []string{"phone", "watch"} {
		opened(t, srv, "/events?memberId=ann&deviceId="+device).want("E", `{"body":1}`)
	}
}

// stuckWriter is the writer of a response whose client takes nothing more from some time on.
type stuckWriter struct {
	*httptest.ResponseRecorder

	mu    sync.Mutex
	stuck bool
	cut   chan struct{} // closed when the connection breaks
}

func (w *stuckWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	stuck := w.stuck
	if !stuck {
		defer w.mu.Unlock()
		return w.ResponseRecorder.Write(text)
	}
	w.mu.Unlock()
	<-w.cut
	return 0, net.ErrClosed
}

func (w *stuckWriter) FlushError() error { return nil }

func (w *stuckWriter) SetWriteDeadline(time.Time) error { return nil }

func (w *stuckWriter) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.Body.String(), text)
}

// Through net/http, as over TLS and HTTP/2, a device's place is the end of the written events, not of the queued ones,
// which it gets when it reconnects.
func TestDevicePlaceIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	srv := start(t)
	w := &stuckWriter{ResponseRecorder: httptest.NewRecorder(), cut: make(chan struct{})}
	const stream = "/events?memberId=ann&deviceId=phone"
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, stream, nil)
	req.Host, req.RemoteAddr = strings.TrimPrefix(srv.URL, "http://"), "127.0.0.1:1"
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		srv.Handler().ServeHTTP(w, req)
	}()
	eventually(t, "the stream has begun", func() bool { return w.has("id:") })
	post := func(n int) {
		srv.Post("/events?memberId=ann", fmt.Sprintf(`{"type":"E","body":%d}`, n)).WantStatus(202)
	}
	post(1)
	eventually(t, "the first event is written", func() bool { return w.has(`{"body":1`) })
	w.mu.Lock()
	w.stuck = true
	w.mu.Unlock()
	post(2)
	post(3)
	eventually(t, "the others are taken", func() bool {
		var got struct{ Connections []struct{ EventsSent int } }
		srv.Get("/presence/clients/ann").WantStatus(200).Into(&got)
		return len(got.Connections) == 1 && got.Connections[0].EventsSent == 3
	})
	close(w.cut)
	<-returned
	phone := opened(t, srv, stream)
	phone.want("E", `{"body":2}`)
	phone.want("E", `{"body":3}`)
}

// storedPlaces is an engine whose store alone has a member's places.
type storedPlaces struct {
	web.MemoryEngine
	payload string
	noneBefore
}

func (e storedPlaces) Older(_ context.Context, _ []string, after uint64, _ eventlog.Limit) (eventlog.Batch, error) {
	return eventlog.Batch{Through: after, Done: true}, nil
}

func (e storedPlaces) LastOlder(_ context.Context, channels []string) ([]*eventlog.Record, error) {
	recs := make([]*eventlog.Record, len(channels))
	for i, channel := range channels {
		if channel == placesChannel("ann") {
			ev := eventlog.Event{Channel: channel, Type: "places", Payload: []byte(e.payload)}
			recs[i] = eventlog.Restore(eventlog.Stored{Event: ev, Seq: 1, Time: time.Now()}, e.Head().Epoch)
		}
	}
	return recs, nil
}

// Another device's place that only the store still has outlives the next append.
func TestDevicesInTheStoreAlone(t *testing.T) {
	t.Parallel()
	log := eventlog.NewMemory((&web.Options{}).History())
	t.Cleanup(func() { log.Close() })
	phone := log.Head().Epoch + "-0"
	srv := webtest.Start(t, web.Options{Engine: storedPlaces{web.MemoryEngine{Memory: log}, `{"phone's key":"` + phone + `"}`, noneBefore{}}})
	opened(t, srv, "/events?memberId=ann&deviceId=watch").Close()
	eventually(t, "the place is kept", func() bool { return srv.Streams() == 0 && srv.PlacesDue() == 0 })
	var places map[string]string
	kept := log.Page(placesChannel("ann"), 0, 1)
	if err := json.Unmarshal(kept[0].Payload(), &places); err != nil || len(places) != 2 || places["phone's key"] != phone {
		t.Errorf("kept are %v (%v), want the phone's too", places, err)
	}
}
