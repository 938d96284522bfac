package web_test

import (
	"io"
	"testing"
	"time"

	"rollcall/web"
)

// overHTTP2 runs a test over the ways in which streams share a connection.
func overHTTP2(t *testing.T, opts web.Options, test func(t *testing.T, s *stage)) {
	t.Parallel()
	for _, w := range ways {
		if w.proto == "HTTP/2.0" {
			w.snug = true
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				test(t, w.start(t, opts))
			})
		}
	}
}

// Streams that share a connection do not share their fate.
func TestTransportStreamsOnOneConnection(t *testing.T) {
	opts := web.Options{StallTimeout: time.Second, Heartbeat: 100 * time.Millisecond}
	overHTTP2(t, opts, func(t *testing.T, s *stage) {
		stuck := s.open(ask{channels: "a", clientID: "stuck"})
		live := stuck.another(s, ask{channels: "b", clientID: "live"})
		reset := stuck.another(s, ask{channels: "b", clientID: "reset"})
		for _, c := range []*tap{live, reset} {
			c.want("registered")
			c.want("lastEvent")
		}
		reset.drop("RST_STREAM")
		s.wantEnd("reset", "gone")
		s.overfill("a")
		live.wantPosts(s.publish(say("b", "1"))...)
		s.wantEnd("stuck", "slow")
		if err := stuck.drain(); err == nil {
			t.Error("a stream that was cut ends as if it were complete")
		}
		live.wantPosts(s.publish(say("b", "2"))...)
		s.call("DELETE", "/presence/clients/live", nil, nil)
		live.want("goodbye").goodbye(t, "kicked")
		live.wantEnd()
		last := stuck.another(s, ask{channels: "b", clientID: "last"})
		last.want("registered")
		last.want("lastEvent")
		last.wantPosts(s.publish(say("b", "3"))...)
	})
}

// stopReader reads until it is stopped, and then waits for the end.
type stopReader struct {
	r    io.Reader
	stop <-chan struct{}
	end  <-chan struct{}
}

func (r stopReader) Read(p []byte) (int, error) {
	select {
	case <-r.stop:
		<-r.end
		return 0, io.ErrClosedPipe
	default:
		return r.r.Read(p)
	}
}

// A client that reads nothing at all of its connection, no window updates and no
// pings, loses the connection and all streams on it.
func TestTransportStuckConnection(t *testing.T) {
	opts := web.Options{StallTimeout: time.Second, Heartbeat: 100 * time.Millisecond}
	overHTTP2(t, opts, func(t *testing.T, s *stage) {
		c := s.dialRaw()
		stop := make(chan struct{})
		c.raw = readConn{c.raw, stopReader{c.raw, stop, t.Context().Done()}}
		c.conn = c.raw
		c.secure(s)
		c.open(s, ask{channels: "a", clientID: "u"})
		other := c.another(s, ask{channels: "a", clientID: "v"})
		for _, c := range []*tap{c, other} {
			c.want("registered")
			c.want("lastEvent")
		}
		close(stop)
		s.overfill("a")
		s.wantEnd("u", "slow")
		s.wantEnd("v", "slow")
		s.wantGone("u")
		s.wantGone("v")
	})
}
