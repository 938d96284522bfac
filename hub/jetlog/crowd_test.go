package jetlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// numbers returns where the log keeps each payload of the channels, as text.
func numbers(l *Log, channels ...string) map[string][]uint64 {
	found := make(map[string][]uint64)
	c := &eventlog.Cursor{Channels: channels}
	for {
		b := l.Next(c, eventlog.Limit{}, nil)
		for _, r := range b.Records {
			found[string(r.Payload())] = append(found[string(r.Payload())], r.Seq)
		}
		if c.After = b.Through; b.Done {
			return found
		}
	}
}

// Appends of many publishers are on their way together. One that is refused takes no other one down, and leaves nothing behind;
// each batch is there whole, at the numbers that its publisher was told.
func TestRefusedAloneInACrowd(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l := open(t, r.link(t), Options{Events: -1, Mirror: eventlog.Options{Events: 1 << 20}})
	other := open(t, f.link(), Options{Events: -1})
	r.between(func(m *nats.Msg) []*nats.Msg {
		if bytes.Contains(m.Data, []byte("torn")) && headerValue(m.Header, headPart) == "2" {
			return nil // the rest of its batch arrives
		}
		return []*nats.Msg{m}
	}, nil)
	end := ev("over", 0)
	end.End = true
	publish(t, l, end)

	text := func(channel, payload string) eventlog.Event {
		return eventlog.Event{Channel: channel, Type: "message", Payload: []byte(`"` + payload + `"`)}
	}
	huge := text("a", strings.Repeat("x", 2<<20))
	var ended *eventlog.EndedError
	refused := []struct {
		events []eventlog.Event
		is     func(error) bool
	}{
		{[]eventlog.Event{huge}, func(err error) bool { return errors.Is(err, ErrTooLarge) }},
		{[]eventlog.Event{text("a", "no 1"), text("b", "no 2"), huge, text("a", "no 3")}, func(err error) bool { return errors.Is(err, ErrTooLarge) }},
		{[]eventlog.Event{text("a", "no 4"), text("over", "no 5")}, func(err error) bool { return errors.As(err, &ended) && ended.Index == 1 }},
		{[]eventlog.Event{text("a", "torn 1"), text("a", "torn 2"), text("b", "torn 3")}, func(err error) bool { return errors.Is(err, eventlog.ErrBusy) }},
	}
	var crowd, fails sync.WaitGroup
	var over atomic.Bool // all refusals have come
	for _, r := range refused {
		fails.Go(func() {
			if _, err := l.Append(context.Background(), r.events); !r.is(err) {
				t.Errorf("an append that can't be stored: %v", err)
			}
		})
	}
	var mu sync.Mutex
	told := make(map[string]uint64)
	for p := range 16 {
		crowd.Go(func() {
			for n := 0; n < 5 || !over.Load(); n++ {
				batch := make([]eventlog.Event, 1+(p+n)%4)
				for i := range batch {
					batch[i] = text([]string{"a", "b", "c"}[i%3], fmt.Sprintf("%d.%d.%d", p, n, i))
					if i == 1 { // two nodes store it, by one key
						batch[i].Key = fmt.Sprintf("%d.%d", p, n)
						publish(t, other, batch[i])
					}
				}
				results, err := l.Append(context.Background(), batch)
				if err != nil {
					t.Errorf("an append beside others that are refused: %v", err)
					return
				}
				last := uint64(0)
				for i, r := range results {
					if r.Duplicate != (i == 1) || !r.Duplicate && last > 0 && r.Seq != last+1 {
						t.Errorf("the batch is at %+v", results)
					}
					if !r.Duplicate {
						last = r.Seq
					}
				}
				mu.Lock()
				for i, r := range results {
					told[`"`+fmt.Sprintf("%d.%d.%d", p, n, i)+`"`] = r.Seq
				}
				mu.Unlock()
			}
		})
	}
	fails.Wait()
	over.Store(true)
	crowd.Wait()
	kept := numbers(l, "a", "b", "c", "over")
	for payload, seqs := range kept {
		if seq, ok := told[payload]; payload != "0" && (!ok || !slices.Equal(seqs, []uint64{seq})) {
			t.Errorf("%.40s is at %d, its publisher was told %d", payload, seqs, seq)
		}
	}
	if len(kept) != len(told)+1 {
		t.Errorf("%d events are kept, %d were acknowledged", len(kept), len(told)+1)
	}
}

// Connections break in the midst of a crowd's appends. A publisher that repeats what has an unknown outcome, by its keys, has each event
// stored once, and each batch whole and without others in it.
func TestUnknownInACrowd(t *testing.T) {
	f := newFleet(t, 1)
	r := newRelay(t, f.url(0))
	l := open(t, r.link(t), Options{})
	var answers atomic.Int32
	cut := make(chan struct{}, 1)
	r.between(nil, func(m *nats.Msg) []*nats.Msg {
		if seq, _ := delivered(m); seq == 0 && bytes.Contains(m.Data, []byte(`"stream":`)) && answers.Add(1)%40 == 0 {
			select {
			case cut <- struct{}{}:
			default:
			}
			return nil // the answer is lost with the connection
		}
		return []*nats.Msg{m}
	})
	over := make(chan struct{})
	var cutter, crowd sync.WaitGroup
	cutter.Go(func() {
		for {
			select {
			case <-cut:
				r.cut()
			case <-over:
				return
			}
		}
	})
	var unknown atomic.Int32
	for p := range 12 {
		crowd.Go(func() {
			for n := range 15 {
				batch := make([]eventlog.Event, 1+(p+n)%3)
				for i := range batch {
					batch[i] = keyed([]string{"a", "b"}[i%2], fmt.Sprintf("%d.%d.%d", p, n, i), 1_000_000+p*10_000+n*100+i)
				}
				for {
					_, err := l.Append(context.Background(), batch)
					if err == nil {
						break
					}
					if errors.Is(err, ErrUnknown) {
						unknown.Add(1)
					}
					if l.Err() != nil {
						t.Errorf("the log was lost: %v", l.Err())
						return
					}
				}
			}
		})
	}
	crowd.Wait()
	close(over)
	cutter.Wait()
	if unknown.Load() == 0 {
		t.Error("no outcome was unknown")
	}
	kept := numbers(l, "a", "b")
	for p := range 12 {
		for n := range 15 {
			first := uint64(0)
			for i := range 1 + (p+n)%3 {
				payload := fmt.Sprint(1_000_000 + p*10_000 + n*100 + i)
				seqs := kept[payload]
				if len(seqs) != 1 || i > 0 && seqs[0] != first+uint64(i) {
					t.Errorf("event %d of batch %d of publisher %d is at %d, the batch begins at %d", i, n, p, seqs, first)
					continue
				}
				if i == 0 {
					first = seqs[0]
				}
			}
		}
	}
}
