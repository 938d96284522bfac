package web_test

import (
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// An event to a client reaches its streams alone, whatever they subscribed to, live and when they come back.
func TestEventsToClient(t *testing.T) {
	srv := start(t)
	ann := subscribed(t, srv, "clientId=ann", "a")
	phone := subscribed(t, srv, "clientId=ann", "b")
	bob := subscribed(t, srv, "clientId=bob", "a")
	at := ann.LastID

	epoch := epochOf(at)
	srv.Post("/publish", `{"events":[{"clientId":"ann","type":"order","payload":{"n":1}}]}`).
		WantJSON(`{"events":[{"clientId":"ann","id":"` + epoch + `-1"}]}`)
	srv.Publish("a", `"for all"`)
	for _, st := range []*webtest.Stream{ann, phone} {
		ev, m := st.Next()
		if m.ClientID != "ann" || m.Channel != "" || ev.Type != "order" || !webtest.SameJSON(string(m.Payload), `{"n":1}`) || strings.Contains(ev.Data, "channelName") {
			t.Fatalf("ann got %q", ev)
		}
	}
	ann.WantEvent("a", "message", `"for all"`)
	bob.WantEvent("a", "message", `"for all"`)

	again := srv.Subscribe("channels=b&clientId=ann", "Last-Event-ID: "+at)
	again.WantRegistered()
	if ev, m := again.Next(); m.ClientID != "ann" || ev.ID != epoch+"-1" {
		t.Fatalf("ann, back again, got %q", ev)
	}
	other := srv.Subscribe("channels=b&clientId=bob", "Last-Event-ID: "+at)
	other.WantRegistered()
	srv.Publish("b", `2`)
	again.WantEvent("b", "message", `2`)
	other.WantEvent("b", "message", `2`)

	// It is not a channel that clients can read or see.
	srv.Get("/history?channel=$@ann").WantFault(400, "invalid_channel", "channel")
	srv.Get("/subscribe?channels=$@ann").WantFault(400, "invalid_channel", "channels")
	srv.Post("/publish", `{"events":[{"clientId":"ann","type":"t","payload":1},{"channelName":"$@ann","type":"t","payload":1}]}`).
		WantFault(400, "invalid_event", "events[1].channelName")
	for body, field := range map[string]string{
		`{"clientId":"ann","channelName":"a","type":"t","payload":1}`:            "events[0].clientId",
		`{"clientId":"","type":"t","payload":1}`:                                 "events[0].clientId",
		`{"clientId":"` + strings.Repeat("x", 254) + `","type":"t","payload":1}`: "events[0].clientId",
		`{"clientId":7,"type":"t","payload":1}`:                                  "events[0].clientId",
		`{"clientId":"ann","type":"t","payload":1,"end":true}`:                   "events[0].end",
		`{"channelName":"a","type":"t","payload":1,"end":"yes"}`:                 "events[0].end",
		`{"channelName":"a","type":"t","payload":1,"append":"k"}`:                "events[0].payload",
		`{"channelName":"a","type":"t","payload":"1","append":""}`:               "events[0].append",
		`{"channelName":"a","type":"t","payload":"1","except":["x"]}`:            "events[0].except",
	} {
		srv.Post("/publish", `{"events":[`+body+`]}`).WantFault(400, "invalid_event", field)
	}
}

// Only callers that may publish to all channels may send to clients.
func TestEventsToClientNeedAllChannels(t *testing.T) {
	all, allKey, err := auth.NewKey("all", auth.Publish, patternsOf(t, ">"))
	if err != nil {
		t.Fatal(err)
	}
	some, someKey, err := auth.NewKey("some", auth.Publish, patternsOf(t, "orders.>,*"))
	if err != nil {
		t.Fatal(err)
	}
	srv := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{allKey, someKey}}})
	const body = `{"events":[{"clientId":"ann","type":"t","payload":1}]}`
	srv.Post("/publish", body, "Authorization: Bearer "+some).WantStatus(403)
	srv.Post("/publish", body, "Authorization: Bearer "+all).WantStatus(200)
}

// An event reaches every stream of its channel except the excluded one, even if that is behind.
func TestExcept(t *testing.T) {
	srv := start(t)
	ann := srv.Subscribe("channels=a&clientId=ann")
	hello := ann.WantRegistered()
	ann.WantLast("a", `{}`)
	bob := subscribed(t, srv, "clientId=bob", "a")
	srv.PublishBody(`{"events":[{"channelName":"a","type":"message","payload":1,"except":"` + hello.ConnectionID + `"},
		{"channelName":"a","type":"message","payload":2},{"clientId":"ann","type":"message","payload":3,"except":"` + hello.ConnectionID + `"},
		{"channelName":"a","type":"message","payload":4,"except":"nobody"}]}`)
	ann.WantEvent("a", "message", `2`)
	ann.WantEvent("a", "message", `4`)
	for _, n := range []string{"1", "2", "4"} {
		bob.WantEvent("a", "message", n)
	}
}
