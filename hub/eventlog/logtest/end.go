package logtest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"rollcall/hub/eventlog"
)

func ending(channel string, n int) eventlog.Event {
	ev := event(channel, n)
	ev.End = true
	return ev
}

// wantEnded wants an append to be refused whole, because of the event at index.
func (h *harness) wantEnded(index int, events ...eventlog.Event) {
	h.Helper()
	head := h.log.Head()
	_, err := h.log.Append(h.Context(), events)
	var ended *eventlog.EndedError
	if !errors.As(err, &ended) || ended.Index != index || ended.Channel != events[index].Channel {
		h.Fatalf("the append: %v, want the refusal of event %d", err, index)
	}
	if got := h.log.Head(); got != head {
		h.Fatalf("a refused append moved the head from %v to %v", head, got)
	}
}

// Nothing follows an end, until the end is kept no more.
func testEnd(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{Events: 3})
	if h.log.HasEnds() || h.log.Ended([]string{"a"}, math.MaxUint64) || h.log.Ended(nil, math.MaxUint64) {
		t.Error("an empty log has ends")
	}
	h.append(event("a", 1), event("b", 2))
	last := ending("a", 3)
	last.Key = "k"
	end := h.append(last)[0]
	if !h.log.HasEnds() || !h.log.Ended([]string{"a"}, end.Seq) || h.log.Ended([]string{"a"}, end.Seq-1) || h.log.Ended([]string{"a", "b"}, end.Seq) {
		t.Error("the channel has not ended at its end, or another one has")
	}
	h.wantEnded(0, event("a", 4))
	h.wantEnded(0, ending("a", 4))
	h.wantEnded(1, event("b", 5), event("a", 6), event("b", 7))
	if again := h.append(last)[0]; again != (eventlog.Result{Seq: end.Seq, Duplicate: true}) {
		t.Errorf("the end again, with its key: %+v", again)
	}
	h.append(event("b", 8), last, event("b", 9), event("b", 10)) // the end among them is a duplicate
	h.wantEnded(0, event("a", 11))
	h.append(ending("b", 12))
	if !h.log.Ended([]string{"a", "b"}, math.MaxUint64) {
		t.Error("both channels have ended, together they have not")
	}
}

// A batch is refused whole if one of its events follows an end in it.
func testEndOneBatch(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	h.wantEnded(2, ending("a", 1), event("b", 2), event("a", 3))
	h.wantEnded(1, ending("a", 1), ending("a", 2))
	same := ending("a", 1)
	same.Key = "k"
	r := h.append(event("a", 0), same, same, event("b", 1))
	if r[2] != (eventlog.Result{Seq: r[1].Seq, Duplicate: true}) {
		t.Errorf("an end twice in a batch, with one key: %+v", r)
	}
	h.wantEnded(0, event("a", 2))
}

// The newest event of a channel is the text so far, if it came in pieces.
func testLastText(t *testing.T, open Open) {
	h := start(t, open, eventlog.Options{})
	piece := func(channel, key, payload string) eventlog.Event {
		return eventlog.Event{Channel: channel, Type: "token", Payload: []byte(payload), Append: key}
	}
	h.append(event("a", 0), piece("a", "k", `"x"`), piece("b", "k", `"no"`), piece("a", "l", `"on\u0063"`))
	last := h.append(piece("a", "l", `"e "`), piece("c", "l", `""`), piece("a", "l", `"\"☃\""`))
	at, recs := h.log.Last([]string{"a", "b", "c"})
	if got := string(recs[0].Payload()); got != `"on\u0063e \"☃\""` || recs[0].Seq != last[2].Seq || recs[0].First() != last[0].Seq-1 {
		t.Errorf("the text so far is %s from %d to %d", got, recs[0].First(), recs[0].Seq)
	}
	if string(recs[1].Payload()) != `"no"` || string(recs[2].Payload()) != `""` || at.Seq != last[2].Seq {
		t.Errorf("the other texts are %s and %s at %v", recs[1].Payload(), recs[2].Payload(), at)
	}
	kept, _ := h.drain(&eventlog.Cursor{Channels: []string{"a"}}, eventlog.Limit{})
	joined := eventlog.JoinPieces(kept, at.Epoch)
	var got []string
	for _, r := range joined {
		got = append(got, string(r.Payload()))
	}
	if want := []string{`"a 0"`, `"x"`, `"on\u0063e \"☃\""`}; !slices.Equal(got[1:], want[1:]) || len(got) != 3 {
		t.Errorf("joined: %q", got)
	}
}
