package eventlog

import (
	"context"
	"fmt"
	"strconv"
	"testing"
)

var benchPayload = []byte(`{"text":"a payload of a common size: with all that is around it nearly 100 bytes"}`)

func benchEvents(n, channels int) []Event {
	events := make([]Event, n)
	for i := range events {
		events[i] = Event{Channel: fmt.Sprint("channel.", i%channels), Type: "message", Payload: benchPayload}
	}
	return events
}

// BenchmarkAppend is the cost of a batch, with the log at its limits and a tail
// that reads.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100} {
		for _, keyed := range []string{"none", "each"} {
			b.Run(fmt.Sprintf("events=%d/keys=%s", size, keyed), func(b *testing.B) {
				m := newMemory(b, Options{Budget: 64 << 20})
				tail := m.Tail(nil)
				defer tail.Close()
				events := benchEvents(size, 10)
				buf := make([]*Record, 0, size)
				ctx := context.Background()
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if keyed == "each" {
						for i := range events {
							events[i].Key = strconv.Itoa(n*size + i)
						}
					}
					if _, err := m.Append(ctx, events); err != nil {
						b.Fatal(err)
					}
					tail.Next(buf, size)
					tail.Done()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
			})
		}
	}
}

// BenchmarkAppendParallel is many publishers of one event.
func BenchmarkAppendParallel(b *testing.B) {
	m := newMemory(b, Options{Budget: 64 << 20})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		events := benchEvents(1, 1)
		for pb.Next() {
			if _, err := m.Append(context.Background(), events); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkResume is a thousand streams that come back, over three channels
// each, a hundred events behind.
func BenchmarkResume(b *testing.B) {
	const cursors, behind = 1000, 100
	m := newMemory(b, Options{})
	for range 30 {
		if _, err := m.Append(context.Background(), benchEvents(100, 10)); err != nil {
			b.Fatal(err)
		}
	}
	all := make([]Cursor, cursors)
	for i := range all {
		for k := range 3 {
			all[i].Channels = append(all[i].Channels, fmt.Sprint("channel.", (i+k)%10))
		}
		all[i].After = m.Head().Seq - behind*10/3
	}
	buf := make([]*Record, 0, 64)
	b.ReportAllocs()
	read := 0
	for b.Loop() {
		read = 0
		for i := range all {
			c := all[i]
			for done := false; !done; {
				batch := m.Next(&c, Limit{Events: 64, Bytes: 64 << 10}, buf)
				read += len(batch.Records)
				c.After, done = batch.Through, batch.Done
			}
		}
	}
	if read < cursors*(behind-3) {
		b.Fatalf("%d events read", read)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*cursors), "ns/cursor")
	b.ReportMetric(float64(read)/cursors, "events/cursor")
}

// BenchmarkMerge is one cursor that reads 1000 events out of many channels.
func BenchmarkMerge(b *testing.B) {
	for _, channels := range []int{1, 3, 30, 1000} {
		b.Run(fmt.Sprintf("channels=%d", channels), func(b *testing.B) {
			m := newMemory(b, Options{})
			if _, err := m.Append(context.Background(), benchEvents(1000, channels)); err != nil {
				b.Fatal(err)
			}
			c := &Cursor{}
			for i := range channels {
				c.Channels = append(c.Channels, fmt.Sprint("channel.", i))
			}
			buf := make([]*Record, 0, 1000)
			b.ReportAllocs()
			for b.Loop() {
				if got := m.Next(c, Limit{}, buf); len(got.Records) != 1000 {
					b.Fatal(len(got.Records))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/event")
		})
	}
}

// BenchmarkTail is the live flow's cost for a reader, per event.
func BenchmarkTail(b *testing.B) {
	m := newMemory(b, Options{MaxLag: 1 << 40})
	buf := make([]*Record, 0, 64)
	events := benchEvents(1000, 10)
	tail := m.Tail(nil)
	defer tail.Close()
	if _, err := m.Append(context.Background(), events); err != nil {
		b.Fatal(err)
	}
	seg, i := tail.seg, tail.i
	b.ReportAllocs()
	for b.Loop() {
		tail.seg, tail.i = seg, i
		for n := 0; n < len(events); {
			n += len(tail.Next(buf, 64))
		}
		tail.Done()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
