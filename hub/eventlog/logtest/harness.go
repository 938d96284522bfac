package logtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"rollcall/hub/eventlog"
)

// harness is a log under test with verbs. It belongs to the test's goroutine.
type harness struct {
	testing.TB
	log  eventlog.Log
	sent []sent // everything that publish appended, in log order
}

// sent is an event that was appended.
type sent struct {
	seq              uint64
	channel, payload string
}

func start(t testing.TB, open Open, opts eventlog.Options) *harness {
	t.Helper()
	h := &harness{TB: t, log: open(t, opts)}
	t.Cleanup(func() {
		if err := h.log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return h
}

// event makes an event with n in its payload, by which it is known again.
func event(channel string, n int) eventlog.Event {
	return eventlog.Event{Channel: channel, Type: "message", Payload: strconv.AppendInt(nil, int64(n), 10)}
}

// publish appends one batch with an event for each channel named.
func (h *harness) publish(channels ...string) {
	h.Helper()
	events := make([]eventlog.Event, len(channels))
	for i, c := range channels {
		events[i] = event(c, len(h.sent)+i)
	}
	results := h.append(events...)
	for i, r := range results {
		if r.Duplicate {
			h.Fatalf("event %d of a batch without keys is a duplicate", i)
		}
		if n := len(h.sent); n > 0 && h.sent[n-1].seq >= r.Seq {
			h.Fatalf("seq %d follows seq %d", r.Seq, h.sent[n-1].seq)
		}
		h.sent = append(h.sent, sent{r.Seq, events[i].Channel, string(events[i].Payload)})
	}
}

// append appends a batch that must be accepted.
func (h *harness) append(events ...eventlog.Event) []eventlog.Result {
	h.Helper()
	results, err := h.log.Append(context.Background(), events)
	if err != nil {
		h.Fatalf("Append: %v", err)
	}
	if len(results) != len(events) {
		h.Fatalf("Append: %d results for %d events", len(results), len(events))
	}
	return results
}

// next reads one batch and checks the rules for every batch.
func (h *harness) next(c *eventlog.Cursor, limit eventlog.Limit) eventlog.Batch {
	h.Helper()
	after := c.After
	low := h.log.Head().Seq
	b := h.log.Next(c, limit, nil)
	high := h.log.Head().Seq
	if c.After != after {
		h.Fatalf("Next moved the cursor from %d to %d", after, c.After)
	}
	if err := checkBatch(c, limit, b, low, high); err != nil {
		h.Fatal(err)
	}
	return b
}

// checkBatch returns what is wrong with a batch read while the head went from low to high.
func checkBatch(c *eventlog.Cursor, limit eventlog.Limit, b eventlog.Batch, low, high uint64) error {
	size, at := 0, c.After
	for _, r := range b.Records {
		if r.Seq <= at {
			return fmt.Errorf("record %d follows %d", r.Seq, at)
		}
		at = r.Seq
		size += len(r.Frame().SSE())
		if !standsFor(c.Channels, r.Channel()) {
			return fmt.Errorf("record of %q for a cursor of %q", r.Channel(), c.Channels)
		}
	}
	n := len(b.Records)
	if limit.Events > 0 && n > limit.Events {
		return fmt.Errorf("%d records with a limit of %d", n, limit.Events)
	}
	if limit.Bytes > 0 && n > 1 && size > limit.Bytes {
		return fmt.Errorf("%d records of %d bytes with a limit of %d bytes", n, size, limit.Bytes)
	}
	switch {
	case b.Done && (b.Through < low || b.Through > high):
		return fmt.Errorf("done through %d, want the head, %d to %d", b.Through, low, high)
	case b.Done && b.Through < at && n > 0:
		return fmt.Errorf("through %d, before the last record %d", b.Through, at)
	case !b.Done && n == 0:
		return fmt.Errorf("no record, and not done")
	case !b.Done && b.Through != at:
		return fmt.Errorf("not done, through %d, want the last record %d", b.Through, at)
	}
	seen := make(map[string]bool)
	for _, g := range b.Gaps {
		if seen[g.Channel] || !standsFor(c.Channels, g.Channel) {
			return fmt.Errorf("gap of %q twice in a batch, or for a cursor of %q", g.Channel, c.Channels)
		}
		seen[g.Channel] = true
	}
	return nil
}

// drain reads the cursor up to the head.
func (h *harness) drain(c *eventlog.Cursor, limit eventlog.Limit) (recs []*eventlog.Record, gaps []eventlog.Gap) {
	h.Helper()
	for {
		b := h.next(c, limit)
		recs = append(recs, b.Records...)
		gaps = append(gaps, b.Gaps...)
		c.After = b.Through
		if b.Done {
			return recs, gaps
		}
	}
}

// want fails the test unless recs are these events.
func (h *harness) want(recs []*eventlog.Record, events []sent) {
	h.Helper()
	got := make([]sent, len(recs))
	for i, r := range recs {
		got[i] = sent{r.Seq, r.Channel(), string(r.Payload())}
	}
	if !slices.Equal(got, events) {
		h.Fatalf("got  %v\nwant %v", got, events)
	}
}

// wantGaps fails the test unless the gaps are of these channels, in any order.
func (h *harness) wantGaps(gaps []eventlog.Gap, channels ...string) {
	h.Helper()
	var got []string
	for _, g := range gaps {
		got = append(got, g.Channel)
	}
	slices.Sort(got)
	slices.Sort(channels)
	if !slices.Equal(got, channels) {
		h.Fatalf("gaps of %q, want of %q", got, channels)
	}
}

// of returns the events published to the channels after seq.
func (h *harness) of(after uint64, channels ...string) []sent {
	var out []sent
	for _, s := range h.sent {
		if s.seq > after && slices.Contains(channels, s.channel) {
			out = append(out, s)
		}
	}
	return out
}

// kept returns the kept events of each channel, each read by a cursor of its own.
func (h *harness) kept(channels ...string) map[string][]*eventlog.Record {
	h.Helper()
	out := make(map[string][]*eventlog.Record)
	for _, c := range channels {
		out[c], _ = h.drain(&eventlog.Cursor{Channels: []string{c}}, eventlog.Limit{})
	}
	return out
}

// names returns n channel names.
func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("channel.%d", i)
	}
	return out
}

func seqs(recs []*eventlog.Record) []uint64 {
	out := make([]uint64, len(recs))
	for i, r := range recs {
		out[i] = r.Seq
	}
	return out
}
