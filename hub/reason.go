package hub

import (
	"math/rand/v2"
	"strconv"
	"time"

	"rollcall/hub/eventlog"
)

// Reason says why a stream ended. Code is the same on the wire, in logs and in counts.
type Reason struct {
	Code      string
	Text      string        // a sentence for people
	Reconnect bool          // whether coming back makes sense
	Retry     time.Duration // when to come back; 0 means at a random time within 1 to 5 s
}

// Why streams end. All but Gone are sent as a goodbye event.
var (
	Draining   = Reason{Code: "draining", Text: "The server is shutting down.", Reconnect: true}
	Overloaded = Reason{Code: "overloaded", Text: "The server has reached its limit of streams.", Reconnect: true}
	Slow       = Reason{Code: "slow", Text: "The connection took no data for too long.", Reconnect: true}
	Expired    = Reason{Code: "expired", Text: "The credentials have expired."}
	Kicked     = Reason{Code: "kicked", Text: "The operator ended the stream."}
	Limited    = Reason{Code: "limit", Text: "A limit was reached.", Reconnect: true}
	crowded    = Reason{Code: Overloaded.Code, Text: "The server has reached its memory limit for snapshots.", Reconnect: true}
	tooLarge   = Reason{Code: Limited.Code, Text: "The snapshot is too large; ask for fewer channels.", Reconnect: true}
	Complete   = Reason{Code: "complete", Text: "All channels of the stream have ended."}
	CaughtUp   = Reason{Code: "complete", Text: "The stream has everything until now, as asked."}
	Gone       = Reason{Code: "gone", Text: "The client went away."}
)

// Goodbye appends the last event of a stream that ends for reason r.
func (r Reason) Goodbye(dst []byte, at eventlog.Position) []byte {
	return (*Dialect)(nil).AppendGoodbye(dst, at, r)
}

// retry returns when to come back.
func (r Reason) retry() time.Duration {
	if r.Retry == 0 {
		return time.Second + rand.N(4*time.Second)
	}
	return r.Retry
}

// payload returns the payload of a goodbye.
func (r Reason) payload() []byte {
	out := append([]byte(`{"code":`), eventlog.AppendString(nil, r.Code)...)
	out = append(out, `,"reason":`...)
	out = eventlog.AppendString(out, r.Text)
	out = append(out, `,"reconnect":`...)
	return append(strconv.AppendBool(out, r.Reconnect), '}')
}
