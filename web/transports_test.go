package web_test

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"rollcall/web"
)

// The tests of these files run the real server over every transport there is. A
// way is one of them, a stage a server on it, a tap a client's stream.

func TestTransportFreshStart(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		old := s.publish(say("b", "before"))
		c := s.open(ask{channels: "a,b", clientID: "u"})
		hello := c.want("registered")
		if hello.id != old[0].ID || hello.retry != "3000" {
			t.Errorf("registered: %q, want the id %q", hello.raw, old[0].ID)
		}
		if e := c.want("lastEvent"); e.body(t).ChannelName != "a" || e.text(t) != "{}" {
			t.Errorf("%q", e.raw)
		}
		if e := c.want("lastEvent"); e.body(t).ChannelName != "b" || e.text(t) != `{"type":"message","payload":"before"}` {
			t.Errorf("%q", e.raw)
		}
		conn, _ := s.connection("u")
		if conn.Protocol != s.proto || fmt.Sprint(conn.Channels) != "[a b]" {
			t.Errorf("presence says %+v", conn)
		}
		s.publish(say("c", "not asked for"))
		c.wantPosts(s.publish(say("b", "1"), say("c", "no"), say("a", "2"), say("b", "3"))[0:1]...)
		if got := c.must().post(t); got.Channel != "a" || got.Payload != "2" {
			t.Errorf("%+v", got)
		}
		if got := c.must().post(t); got.Channel != "b" || got.Payload != "3" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTransportOrderOfBatches(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		c := s.open(ask{channels: "a,b,c"})
		for _, typ := range []string{"registered", "lastEvent", "lastEvent", "lastEvent"} {
			c.want(typ)
		}
		for i := range 50 {
			var batch []post
			for j := range 1 + i%7 {
				batch = append(batch, post{Channel: string(rune('a' + (i+j)%3)), Type: "t" + strconv.Itoa(j), Payload: fmt.Sprint(i, j)})
			}
			c.wantPosts(s.publish(batch...)...)
		}
	})
}

func TestTransportHeartbeat(t *testing.T) {
	// Heartbeats come although the stall time is shorter than the silence.
	opts := web.Options{Heartbeat: 500 * time.Millisecond, StallTimeout: 250 * time.Millisecond}
	overWays(t, opts, func(t *testing.T, s *stage) {
		c := s.open(ask{channels: "a"})
		c.want("registered")
		c.want("lastEvent")
		for range 2 {
			if e, err := c.next(); err != nil || e.typ != ":" {
				t.Fatalf("got %q, %v, want a comment", e.raw, err)
			}
		}
		c.wantPosts(s.publish(say("a", "1"))...)
	})
}

func TestTransportKick(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		c := s.open(ask{channels: "a", clientID: "u"})
		c.want("registered")
		c.want("lastEvent")
		if code := s.call("DELETE", "/presence/clients/u", nil, nil); code != 204 {
			t.Fatalf("kick: %d", code)
		}
		c.want("goodbye").goodbye(t, "kicked")
		c.wantEnd()
		s.wantEnd("u", "kicked")
		s.wantGone("u")
	})
}

func TestTransportDrain(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		var taps []*tap
		for i := range 5 {
			c := s.open(ask{channels: "a", clientID: strconv.Itoa(i)})
			c.want("registered")
			c.want("lastEvent")
			taps = append(taps, c)
		}
		last := s.publish(say("a", "last"))
		for _, c := range taps {
			c.wantPosts(last...)
		}
		drained := make(chan error, 1)
		go func() { drained <- s.srv.Shutdown(t.Context()) }()
		for _, c := range taps {
			e := c.want("goodbye")
			e.goodbye(t, "draining")
			if e.id != last[0].ID {
				t.Errorf("goodbye under %q, want %q", e.id, last[0].ID)
			}
			if ms, err := strconv.Atoi(e.retry); err != nil || ms < 1000 || ms > 5000 {
				t.Errorf("retry: %s", e.retry)
			}
			c.wantEnd()
			c.drop("close")
		}
		if err := <-drained; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if n := s.srv.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestTransportLeave(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		for _, how := range []string{"close", "FIN", "RST", "half-close", "RST_STREAM"} {
			_, isTCP := s.addr.(*net.TCPAddr)
			if how == "RST_STREAM" && s.proto != "HTTP/2.0" || how == "RST" && !isTCP {
				continue
			}
			c := s.open(ask{channels: "a", clientID: how})
			c.want("registered")
			c.want("lastEvent")
			c.drop(how)
			s.wantEnd(how, "gone")
			s.wantGone(how)
			if how == "half-close" {
				for range 3 { // whatever the end is, it comes
					if _, err := c.next(); err != nil {
						break
					}
				}
				if e, err := c.next(); err == nil {
					t.Errorf("behind the end: %q", e.raw)
				}
			}
		}
	})
}

// A reader that went away in the middle of much is noticed like any other.
func TestTransportLeaveWhileBlocked(t *testing.T) {
	overSnugWays(t, web.Options{}, func(t *testing.T, s *stage) {
		for _, how := range []string{"FIN", "RST"} {
			c := s.open(ask{channels: "a", clientID: how, buffer: 64 << 10})
			s.stall(how, "a", 50_000)
			c.drop(how)
			s.wantEnd(how, "gone")
			s.wantGone(how)
		}
	})
}

// readTo reads posts until one has this id, and returns them; gaps are passed to
// onGap.
func (c *tap) readTo(id string, onGap func(sse)) []post {
	c.t.Helper()
	var got []post
	for {
		e := c.must()
		switch e.typ {
		case "registered", "lastEvent":
			c.t.Fatalf("got %s among the events", brief(e))
		case "gap":
			if onGap == nil {
				c.t.Fatalf("got %s", brief(e))
			}
			onGap(e)
		default:
			got = append(got, e.post(c.t))
			if e.id == id {
				return got
			}
		}
	}
}

// drain reads to the end, whatever it is.
func (c *tap) drain() error {
	_, err := io.Copy(io.Discard, c.events)
	return err
}
