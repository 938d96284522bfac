package logtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

func testAppendOrder(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Epoch: "life.1"})
	if got, want := h.log.Head(), (eventlog.Position{Epoch: "life.1"}); got != want {
		t.Fatalf("a new log's head is %v, want %v", got, want)
	}
	for i := range 30 {
		before := h.log.Head().Seq
		h.publish(names(i%4 + 1)...)
		first, last := h.sent[len(h.sent)-i%4-1].seq, h.sent[len(h.sent)-1].seq
		if first <= before {
			t.Fatalf("seq %d was given when the head was %d", first, before)
		}
		if got, want := h.log.Head(), (eventlog.Position{Epoch: "life.1", Seq: last}); got != want {
			t.Fatalf("head is %v, want %v", got, want)
		}
	}
	recs, gaps := h.drain(&eventlog.Cursor{Channels: names(4)}, eventlog.Limit{})
	h.want(recs, h.sent)
	h.wantGaps(gaps)
}

func testAppendEmpty(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	h.publish("a")
	head := h.log.Head()
	for _, events := range [][]eventlog.Event{nil, {}} {
		results, err := h.log.Append(t.Context(), events)
		if err != nil || len(results) != 0 {
			t.Fatalf("Append of nothing: %v, %v", results, err)
		}
	}
	if got := h.log.Head(); got != head {
		t.Fatalf("the head moved from %v to %v", head, got)
	}
}

// Concurrent batches stay whole, in the order of each appender, and all readers see the same order.
func testAppendContiguous(t *testing.T, open Open) {
	const workers, batches = 8, 40
	h := start(t, open, eventlog.Options{})
	channels := names(5)
	tail := h.log.Tail(nil)
	defer tail.Close()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for b := range batches {
				size := 1 + (w+b)%7
				events := make([]eventlog.Event, size)
				for i := range events {
					events[i] = event(channels[(w+b+i)%len(channels)], 0)
					events[i].Payload = fmt.Appendf(nil, "[%d,%d,%d,%d]", w, b, i, size)
				}
				results, err := h.log.Append(context.Background(), events)
				if err != nil || len(results) != size {
					t.Errorf("Append: %d results, %v", len(results), err)
					return
				}
				for i := 1; i < size; i++ {
					if results[i].Seq <= results[i-1].Seq {
						t.Errorf("results of one batch: %v", results)
					}
				}
			}
		})
	}
	wg.Wait()
	recs, gaps := h.drain(&eventlog.Cursor{Channels: channels}, eventlog.Limit{})
	h.wantGaps(gaps)
	flow := tail.Next(nil, len(recs)+1)
	if len(flow) != len(recs) {
		t.Fatalf("the tail has %d records, the cursor %d", len(flow), len(recs))
	}
	var next [workers]int
	for i := 0; i < len(recs); {
		w, b, _, size := batchMark(t, recs[i])
		if b != next[w] {
			t.Fatalf("batch %d of worker %d where batch %d was due", b, w, next[w])
		}
		next[w]++
		for k := range size {
			w2, b2, k2, _ := batchMark(t, recs[i])
			if w2 != w || b2 != b || k2 != k {
				t.Fatalf("event [%d,%d,%d] inside batch [%d,%d] at %d", w2, b2, k2, w, b, k)
			}
			if flow[i].Seq != recs[i].Seq {
				t.Fatalf("the tail has %d where the cursor has %d", flow[i].Seq, recs[i].Seq)
			}
			i++
		}
	}
	for w, n := range next {
		if n != batches {
			t.Errorf("worker %d: %d batches, want %d", w, n, batches)
		}
	}
}

func batchMark(t *testing.T, r *eventlog.Record) (worker, batch, index, size int) {
	t.Helper()
	var m [4]int
	if err := json.Unmarshal(r.Payload(), &m); err != nil {
		t.Fatal(err)
	}
	return m[0], m[1], m[2], m[3]
}

// A failed append leaves nothing behind, not even its idempotency keys.
func testAppendAllOrNone(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{MaxLag: 1, MaxWait: time.Millisecond})
	tail := h.log.Tail(nil)
	h.publish("a")
	head := h.log.Head()
	batch := []eventlog.Event{event("a", 100), event("b", 101), event("a", 102)}
	batch[1].Key = "k"
	if results, err := h.log.Append(t.Context(), batch); !errors.Is(err, eventlog.ErrBusy) || results != nil {
		t.Fatalf("Append behind a tail that isn't read: %v, %v, want ErrBusy", results, err)
	}
	if got := h.log.Head(); got != head {
		t.Errorf("the head moved from %v to %v", head, got)
	}
	h.want(tail.Next(nil, 10), h.sent)
	recs, _ := h.drain(&eventlog.Cursor{Channels: []string{"a", "b"}}, eventlog.Limit{})
	h.want(recs, h.sent)
	tail.Close()
	for i, r := range h.append(batch...) {
		if r.Duplicate {
			t.Errorf("event %d is a duplicate of one that was refused", i)
		}
	}
}

// A record has the appended values, and its frame is the one on the wire.
func testAppendRecord(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	tail := h.log.Tail(nil)
	defer tail.Close()
	began := time.Now().UTC().Truncate(time.Millisecond)
	events := []eventlog.Event{
		{Channel: "sport.1", Type: "message", Payload: []byte(`{"a":[1,null,"\n"]}`)},
		{Channel: `quote"back\`, Type: `t"\`, Payload: []byte(`"text"`)},
		{Channel: "snow ☃", Type: "ünï", Payload: []byte("\"\u2028\u2029\x7f\"")},
		{Channel: "$presence", Type: "join", Payload: []byte(`{"online":1}`), Bare: true},
		{Channel: "traced", Type: "message", Payload: []byte(`1`), Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{Channel: eventlog.ClientChannel("ann ☃"), Type: "message", Payload: []byte(`{"to":"ann"}`), Except: "CONNECTION"},
		{Channel: "text", Type: "token", Payload: []byte(`"once \u2028 "`), Append: `k"☃`, Except: "CONNECTION", Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{Channel: "over", Type: "done", Payload: []byte(`"."`), Append: "k", End: true},
	}
	results := h.append(events...)
	ended := time.Now().UTC()
	var channels []string
	for _, ev := range events {
		channels = append(channels, ev.Channel)
	}
	kept, _ := h.drain(&eventlog.Cursor{Channels: channels}, eventlog.Limit{})
	flow := tail.Next(nil, 10)
	_, last := h.log.Last(channels)
	if len(kept) != len(events) || len(flow) != len(events) {
		t.Fatalf("%d kept, %d in the tail, want %d", len(kept), len(flow), len(events))
	}
	for i, ev := range events {
		for _, r := range []*eventlog.Record{kept[i], flow[i], last[i]} {
			if r.Seq != results[i].Seq || r.Channel() != ev.Channel || r.Type() != ev.Type || string(r.Payload()) != string(ev.Payload) ||
				r.Trace() != ev.Trace || r.Traced() != (ev.Trace != "") || r.Except() != ev.Except || r.IsExcept("") ||
				r.IsExcept("CONNECTION") != (ev.Except != "") || r.Append() != ev.Append || r.End() != ev.End || r.First() != r.Seq {
				t.Fatalf("got %d %q %q %q %q, want %d and %+v", r.Seq, r.Channel(), r.Type(), r.Payload(), r.Trace(), results[i].Seq, ev)
			}
			at := eventlog.Position{Epoch: h.log.Head().Epoch, Seq: r.Seq}
			head := "id: " + at.String() + "\nevent: " + ev.Type + "\ndata: "
			sse := string(r.Frame().SSE())
			data, ok := strings.CutPrefix(sse, head)
			data, ok2 := strings.CutSuffix(data, "\n\n")
			if !ok || !ok2 || strings.ContainsAny(data, "\r\n") {
				t.Fatalf("frame %q, want %q and one line", sse, head)
			}
			if got, want := string(r.Frame().Chunk()), fmt.Sprintf("%x\r\n%s\r\n", len(sse), sse); got != want {
				t.Fatalf("chunk %q, want %q", got, want)
			}
			if ev.Bare {
				if data != string(ev.Payload) || r.Timestamp() != "" {
					t.Fatalf("bare data %q at %q, want %q", data, r.Timestamp(), ev.Payload)
				}
				continue
			}
			checkData(t, data, ev)
			at2, err := time.Parse("2006-01-02T15:04:05.000Z", r.Timestamp())
			if err != nil || at2.Before(began) || at2.After(ended) {
				t.Fatalf("timestamp %q, %v, want between %v and %v", r.Timestamp(), err, began, ended)
			}
		}
	}
}

// checkData reads a data line back as JSON.
func checkData(t *testing.T, data string, ev eventlog.Event) {
	t.Helper()
	var got struct {
		ChannelName, ClientID, Type, Timestamp, Append string
		Payload                                        json.RawMessage
		End                                            bool
	}
	dec := json.NewDecoder(strings.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("data %q: %v", data, err)
	}
	if got.ChannelName+eventlog.ClientChannel(got.ClientID) != ev.Channel || got.Append != ev.Append || got.End != ev.End || got.Type != ev.Type || !bytes.Equal(got.Payload, ev.Payload) {
		t.Fatalf("data %q, want that of %+v", data, ev)
	}
}
