package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/web"
)

// A reader that stops until the server can send it no more and then reads on gets
// every event once and in order, for the log keeps them all.
func TestTransportSlowReaderCatchesUp(t *testing.T) {
	overSnugWays(t, web.Options{HistoryEvents: 1 << 20, HistoryBytes: 256 << 20}, func(t *testing.T, s *stage) {
		c := s.open(ask{channels: "a,b", clientID: "u", buffer: 64 << 10})
		c.want("registered")
		c.want("lastEvent")
		c.want("lastEvent")
		var want []post
		for range 2 { // having caught up once, it may fall behind again
			all := s.stall("u", "a", 20_000)
			all = append(all, s.publish(say("b", "the end"))...)
			want = append(want, all...)
			wantSame(t, c.readTo(all[len(all)-1].ID, nil), all)
		}
		live := s.publish(say("b", "live"))
		c.wantPosts(live...)
		n := uint64(len(want) + len(live))
		until(t, "presence tells that all was sent", func() bool { // the client may have it before it is counted
			conn, _ := s.connection("u")
			return conn.EventsSent == n && conn.Behind == 0
		})
	})
}

// What a log keeps no longer when a slow reader comes to it is announced: there
// is no hole without a gap before it.
func TestTransportSlowReaderHasGap(t *testing.T) {
	overSnugWays(t, web.Options{HistoryEvents: 20}, func(t *testing.T, s *stage) {
		c := s.open(ask{channels: "a", clientID: "u", buffer: 64 << 10})
		c.want("registered")
		c.want("lastEvent")
		all := s.stall("u", "a", 20_000)
		all = append(all, s.publish(say("a", "the end"))...)

		next, gap := 0, false
		seen := c.seen
		for next < len(all) {
			e := c.must()
			if e.typ == "gap" {
				// A second one follows if more was lost before the first was taken.
				if e.body(t).ChannelName != "a" || e.text(t) != `{"after":"`+e.id+`","reason":"evicted"}` || e.id != seen && !gap {
					t.Fatalf("gap %q behind %q", e.raw, seen)
				}
				gap = true
				continue
			}
			got := e.post(t)
			at := slices.Index(all[next:], got)
			if at < 0 || at > 0 && !gap {
				t.Fatalf("got %s behind %q, %d events left out, gap %t", brief(got), seen, at, gap)
			}
			next, gap, seen = next+at+1, false, e.id
		}
		if next <= 20 {
			t.Fatal("nothing was lost")
		}
		c.wantPosts(s.publish(say("a", "live"))...)
	})
}

// A reader that never reads is ended, and the operator sees the reason.
func TestTransportNoProgress(t *testing.T) {
	opts := web.Options{StallTimeout: time.Second, Heartbeat: 100 * time.Millisecond}
	overSnugWays(t, opts, func(t *testing.T, s *stage) {
		stuck := s.open(ask{channels: "a", clientID: "stuck", buffer: 64 << 10})
		other := s.open(ask{channels: "b", clientID: "other"})
		other.want("registered")
		other.want("lastEvent")
		s.overfill("a")
		other.wantPosts(s.publish(say("b", "1"))...)
		s.wantEnd("stuck", "slow")
		if _, there := s.connection("stuck"); there {
			t.Error("it is still online")
		}
		until(t, "only one stream is left", func() bool { return s.srv.Streams() == 1 })
		if err := stuck.drain(); err == nil && s.proto != "HTTP/1.0" {
			t.Error("a stream that was cut ends as if it were complete")
		}
		other.wantPosts(s.publish(say("b", "2"))...)
	})
}

// A stream without a reader holds up neither the end of the server nor that of
// another stream.
func TestTransportDrainWhileBlocked(t *testing.T) {
	overSnugWays(t, web.Options{StallTimeout: time.Second}, func(t *testing.T, s *stage) {
		s.open(ask{channels: "a", clientID: "stuck", buffer: 64 << 10})
		other := s.open(ask{channels: "b", clientID: "other"})
		other.want("registered")
		other.want("lastEvent")
		s.overfill("a")
		drained := make(chan error, 1)
		go func() { drained <- s.srv.Shutdown(t.Context()) }()
		other.want("goodbye").goodbye(t, "draining")
		other.wantEnd()
		other.drop("close")
		if err := <-drained; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// overfill publishes more than a snug server and a client that reads nothing have
// room for.
func (s *stage) overfill(channel string) {
	s.Helper()
	filler := strings.Repeat("x", 40_000)
	for range 40 {
		s.publish(say(channel, filler))
	}
}
