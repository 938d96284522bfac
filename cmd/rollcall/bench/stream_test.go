package bench

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// newTestStream returns an open stream of the first n of channels.
func newTestStream(k marker, n, channels int) *stream {
	t := &tally{marker: k, channels: uint32(channels), positions: true}
	return &stream{t: t, last: make([]uint32, n), fd: -1, state: streamAsking, timed: true}
}

const (
	plainHead   = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// feed hands raw to s in pieces of the given sizes, as a reader would.
func feed(s *stream, raw []byte, sizes []int) error {
	for i := 0; len(raw) > 0; i++ {
		n := min(max(sizes[i%len(sizes)], 1), len(raw))
		buf := append(bytes.Clone(s.tail), raw[:n]...)
		if err := s.takeLocked(buf, len(s.tail), 2_000); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

// TestEveryEventCountsOnce cuts a stream anywhere, with any line ends, raw or chunked, and expects
// that each event is seen once and that the position is that of the last whole event.
func TestEveryEventCountsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newMarker()
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "line end")
		count := rapid.IntRange(0, 20).Draw(t, "events")
		payload := rapid.IntRange(MinPayload, 400).Draw(t, "payload")
		var body []byte
		for i := range count {
			if rapid.Bool().Draw(t, "comment") {
				body = fmt.Appendf(body, ": still here%s%s", end, end)
			}
			data := k.appendPayload(nil, mark{number: uint32(i + 1), nanos: 1_000}, payload)
			body = fmt.Appendf(body, "id: e-%d%sevent: message%sdata: {\"payload\":\"%s\"}%s%s", i+1, end, end, data, end, end)
		}
		// An event that is not complete does not count.
		body = fmt.Appendf(body, "id: unfinished%sdata: %s%s", end, k.appendPayload(nil, mark{number: uint32(count + 1)}, MinPayload), end)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 700), 1, 5)
		raw := append([]byte(plainHead), body...)
		if rapid.Bool().Draw(t, "chunked") {
			raw = append([]byte(chunkedHead), chunked(body, sizes.Draw(t, "chunks"), false)...)
		}

		s := newTestStream(k, 1, 1)
		if err := feed(s, raw, sizes.Draw(t, "reads")); err != nil {
			t.Fatal(err)
		}
		c := s.t.counts
		if c.open != 1 || c.delivered != int64(count) || c.repeated+c.outOfOrder+c.foreign != 0 {
			t.Errorf("%+v, want %d delivered once", c, count)
		}
		if s.t.latency.total != uint64(count) || (count > 0 && s.t.latency.quantile(1) != 1_000) {
			t.Errorf("%d latencies up to %d ns, want %d of 1000 ns", s.t.latency.total, s.t.latency.max, count)
		}
		want := ""
		if count > 0 {
			want = fmt.Sprintf("e-%d", count)
		}
		if string(s.position) != want {
			t.Errorf("position %q, want %q", s.position, want)
		}
	})
}

// TestOrderIsJudged delivers numbers in any order and compares with the definition in the package
// comment.
func TestOrderIsJudged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTestStream(newMarker(), 2, 4)
		s.first = 3 // so its channels are 3 and 0
		s.state = streamOpen
		var want counts
		greatest, seen := map[uint32]uint32{}, map[[2]uint32]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "deliveries") {
			m := mark{channel: rapid.Uint32Range(0, 4).Draw(t, "channel"), number: rapid.Uint32Range(1, 15).Draw(t, "number")}
			key := [2]uint32{m.channel, m.number}
			switch {
			case m.channel != 3 && m.channel != 0:
				want.foreign++
			case seen[key]:
				want.repeated++
			default:
				want.delivered++
				if m.number < greatest[m.channel] {
					want.outOfOrder++
				}
			}
			seen[key] = true
			greatest[m.channel] = max(greatest[m.channel], m.number)
			s.deliverLocked(m, 1)
		}
		got := s.t.counts
		got.lastAt = 0
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestOtherRunsAreIgnored(t *testing.T) {
	mine, other := newMarker(), newMarker()
	s := newTestStream(mine, 1, 1)
	body := fmt.Sprintf("data: %s\n\ndata: %s\n\n", other.appendPayload(nil, mark{number: 7}, 60), mine.appendPayload(nil, mark{number: 1}, 60))
	if err := feed(s, []byte(plainHead+body), []int{1 << 20}); err != nil {
		t.Fatal(err)
	}
	if c := s.t.counts; c.delivered != 1 || c.repeated+c.outOfOrder+c.foreign != 0 {
		t.Errorf("%+v, want one delivered and nothing else", c)
	}
}

func TestGapsAndGoodbyesAreSeen(t *testing.T) {
	k := newMarker()
	s := newTestStream(k, 1, 1)
	event := func(n uint32) string {
		return fmt.Sprintf("event: message\ndata: %s\n\n", k.appendPayload(nil, mark{number: n}, 60))
	}
	body := "event: gap\ndata: {}\n\n" + event(1) + event(2) + "retry: 100\nevent: goodbye\ndata: {}\n\n"
	if err := feed(s, []byte(plainHead+body), []int{1 << 20}); err != nil {
		t.Fatal(err)
	}
	if c := s.t.counts; c.gaps != 1 || c.goodbyes != 1 || c.delivered != 2 {
		t.Errorf("%+v, want a gap, two deliveries and a goodbye", c)
	}
}

func TestHeadsRefused(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 404 Not Found\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n",
		"junk\r\n\r\n",
	} {
		if err := feed(newTestStream(newMarker(), 1, 1), []byte(head), []int{3}); err == nil {
			t.Errorf("%q is taken for a stream", head)
		}
	}
}

func TestDeliveriesAllocateNothing(t *testing.T) {
	k := newMarker()
	s := newTestStream(k, 1, 1)
	if err := feed(s, []byte(chunkedHead), []int{1 << 20}); err != nil {
		t.Fatal(err)
	}
	var number uint32
	raw, body, payload := make([]byte, 0, 4096), make([]byte, 0, 4096), make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(1000, func() {
		number++
		payload = k.appendPayload(payload[:0], mark{number: number}, 100)
		body = append(append(append(body[:0], "id: 1\ndata: "...), payload...), "\n\n"...)
		raw = append(append(append(raw[:0], "72\r\n"...), body...), "\r\n"...)
		if err := s.takeLocked(raw, 0, 1); err != nil {
			t.Fatal(err)
		}
	})
	if s.t.counts.delivered != int64(number) || number == 0 {
		t.Fatalf("%d of %d delivered", s.t.counts.delivered, number)
	}
	if allocs > 0 {
		t.Errorf("%g allocations a delivery, want none", allocs)
	}
}
