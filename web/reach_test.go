package web_test

import (
	"strings"
	"testing"

	"rollcall/hub/eventlog"
)

// The counts of a stream are hidden from callers that may not see all of its channels.
func TestSentEventsOfHiddenChannelsAreNotTold(t *testing.T) {
	t.Parallel()
	g := guard(t)
	ada := g.Subscribe("channels=room.a,orders.x", bearer(token(t, "ada", ">", "")))
	ada.WantRegistered()
	g.say("room.a", `1`)
	eventually(t, "the event is counted", func() bool {
		return !strings.Contains(g.Get("/presence/clients/ada", g.root).Body, `"eventsSent":0`)
	})
	body := g.Get("/presence/clients/ada", g.billing).WantStatus(200).Body
	for _, hidden := range []string{`"eventsSent":0`, `"bytesSent":0`, `"lastEventId":""`, `"behind":0`} {
		if !strings.Contains(body, hidden) {
			t.Errorf("no %s in %s", hidden, body)
		}
	}
}

// A program's payload follows the rules of POST /publish, UTF-8 included.
func TestServerPublishRefusesInvalidUTF8(t *testing.T) {
	t.Parallel()
	srv := start(t)
	if _, err := srv.Server.Publish(t.Context(), []eventlog.Event{{Channel: "a", Type: "t", Payload: []byte("\"\xff\"")}}); err == nil {
		t.Error("it is published")
	}
}
