package jetlog

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestCreateAnswerLost: NATS's answer to the creation of the stream is lost. The log asks again, long before the time is
// over that it has to open, and takes the stream that was made.
func TestCreateAnswerLost(t *testing.T) {
	for _, lost := range []string{"answer", "request"} {
		t.Run(lost, func(t *testing.T) {
			r := newRelay(t, newFleet(t, 1).url(0))
			link := r.link(t)
			link.changeTimeout = 50 * time.Millisecond
			var requests, answers atomic.Int32
			r.between(func(m *nats.Msg) []*nats.Msg {
				if is(m, "STREAM.CREATE") && requests.Add(1) == 1 && lost == "request" {
					return nil
				}
				return []*nats.Msg{m}
			}, func(m *nats.Msg) []*nats.Msg {
				if bytes.Contains(m.Data, []byte("stream_create_response")) && answers.Add(1) == 1 && lost == "answer" {
					return nil
				}
				return []*nats.Msg{m}
			})
			l := open(t, link, Options{})
			publish(t, l, ev("a", 1))
			if requests.Load() == 0 {
				t.Error("the stream was not created over the relay")
			}
		})
	}
}
