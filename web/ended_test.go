package web_test

import (
	"strings"
	"testing"
)

// A channel ends with an event, and its streams with it, until it is emptied.
func TestChannelEnds(t *testing.T) {
	srv := start(t)
	one := subscribed(t, srv, "", "job")
	two := subscribed(t, srv, "", "job", "other")
	srv.PublishBody(`{"events":[{"channelName":"job","type":"progress","payload":50}]}`)
	ids := srv.PublishBody(`{"events":[{"channelName":"job","type":"done","payload":"ok","end":true}]}`)
	one.WantEvent("job", "progress", `50`)
	if ev, m := one.Next(); ev.Type != "done" || !m.End || ev.ID != ids[0] {
		t.Fatalf("the end is %q", ev)
	}
	one.WantGoodbye("complete", false)
	one.WantEnd()
	two.WantEvent("job", "progress", `50`)
	two.Next()

	srv.Post("/publish", `{"events":[{"channelName":"other","type":"t","payload":1},{"channelName":"job","type":"t","payload":1}]}`).
		WantFault(409, "channel_ended", "events[1].channelName")
	srv.Publish("other", `"still open"`)
	two.WantEvent("other", "message", `"still open"`)

	// A stream that returns at the end stays away; one that missed it gets it, and so does a new one.
	srv.Get("/subscribe?channels=job", "Last-Event-ID: "+one.LastID).WantStatus(204)
	late := srv.Subscribe("channels=job", "Last-Event-ID: "+epochOf(ids[0])+"-1")
	late.WantRegistered()
	late.Next()
	late.WantGoodbye("complete", false)
	fresh := srv.Subscribe("channels=job")
	fresh.WantRegistered()
	fresh.WantLast("job", `{"type":"done","payload":"ok"}`)
	fresh.WantGoodbye("complete", false)
	if text := string(srv.Get("/history?channel=job").Body); strings.Count(text, `"end":true`) != 1 {
		t.Errorf("the history is %s", text)
	}

	// Both channels of the other stream have ended then.
	srv.PublishBody(`{"events":[{"channelName":"other","type":"done","payload":null,"end":true}]}`)
	two.Next()
	two.WantGoodbye("complete", false)

	// Emptied, the channel is open again. Streams that resume there get the gap.
	srv.Do("DELETE", "/history?channel=job", "").WantStatus(204)
	srv.Get("/history?channel=job&after=" + ids[0]).WantStatus(200)
	again := subscribed(t, srv, "", "job")
	srv.Publish("job", `"anew"`)
	again.WantEvent("job", "message", `"anew"`)
	srv.Do("DELETE", "/history?channel=$x", "").WantFault(400, "invalid_channel", "channel")
}
