package node

import (
	"context"
	"encoding/json"
	"time"

	"rollcall/presence"
)

// departedKind is the question of a starting server about the clients that left others within the grace.
const departedKind = "departed"

// departedSize is how many bytes of departures an answer has.
const departedSize = 256 << 10

// departedQuestion asks for the departures behind that of a connection.
type departedQuestion struct {
	After string `json:"after,omitempty"`
}

// departed is a departure on its way.
type departed struct {
	ConnectionID string          `json:"connectionId"`
	ClientID     string          `json:"clientId"`
	Since        time.Time       `json:"since"`
	Millis       int64           `json:"millis"` // ago
	Channels     []string        `json:"channels"`
	Info         json.RawMessage `json:"info,omitempty"`
	InfoAt       time.Time       `json:"infoAt,omitzero"`
	InfoBy       string          `json:"infoBy,omitempty"`
}

// departedAnswer is a page of departures.
type departedAnswer struct {
	Departed []departed `json:"departed"`
	More     bool       `json:"more,omitempty"`
}

func (c *Cluster) answerDeparted(q departedQuestion) (answer any, ok bool) {
	list, more := c.node.Registry.Departures(q.After, departedSize)
	page := departedAnswer{Departed: make([]departed, 0, len(list)), More: more}
	for _, d := range list {
		told := departed{ConnectionID: d.ConnID, ClientID: d.ClientID, Since: d.Since, Millis: d.Ago.Milliseconds(), Channels: d.Channels}
		if d.Info != nil {
			told.Info, told.InfoAt, told.InfoBy = d.Info.JSON, d.Info.At, d.Info.By
		}
		page.Departed = append(page.Departed, told)
	}
	return page, true
}

// askDeparted asks the other servers who left them within the grace. Without it a client that was on a server that was
// restarted would seem to join here. A server that does not answer in time is an older one, or in trouble.
func (c *Cluster) askDeparted() {
	ctx, cancel := context.WithTimeout(context.Background(), rosterWait)
	defer cancel()
	var list []presence.Departure
	take := func(page departedAnswer) (last string) {
		for _, d := range page.Departed {
			told := presence.Departure{
				ConnID: d.ConnectionID, ClientID: d.ClientID, Since: d.Since, Ago: time.Duration(d.Millis) * time.Millisecond, Channels: d.Channels,
			}
			if d.Info != nil {
				told.Info = &presence.Info{JSON: d.Info, At: d.InfoAt, By: d.InfoBy}
			}
			list, last = append(list, told), d.ConnectionID
		}
		return last
	}
	for _, a := range askOthers[departedAnswer](ctx, c, "", departedKind, departedQuestion{}) {
		last := take(a.Value)
		for more := a.Value.More; more; {
			next := askOthers[departedAnswer](ctx, c, a.Session, departedKind, departedQuestion{After: last})
			if more = len(next) == 1 && next[0].Value.More; len(next) == 1 {
				last = take(next[0].Value)
			}
		}
	}
	c.node.Registry.Departed(list)
}
