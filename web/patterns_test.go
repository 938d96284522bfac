package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollcall/hub/disklog"
	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/node"
	"rollcall/web/webtest"
)

// A pattern stands for the channels that match, those that there are and those that come.
func TestPatterns(t *testing.T) {
	srv := start(t)
	ids := srv.PublishBody(`{"events":[{"channelName":"orders.1","type":"t","payload":1},{"channelName":"orders.2","type":"t","payload":2},
		{"channelName":"orders","type":"t","payload":3},{"channelName":"orders.1.paid","type":"t","payload":4},{"channelName":"orders.1","type":"t","payload":5}]}`)
	st := srv.Subscribe("channels=orders.*,orders.1,none.>,orders.%3E")
	hello := st.WantRegistered()
	st.WantLast("orders.1", `{"type":"t","payload":5}`)
	st.WantLast("orders.2", `{"type":"t","payload":2}`)
	st.WantLast("orders.1.paid", `{"type":"t","payload":4}`)
	srv.Publish("orders.9", `"new"`)
	srv.Publish("orders", `"no"`)
	srv.Publish("orders.1", `"once"`)
	srv.Publish("none.a", `"other"`)
	st.WantEvent("orders.9", "message", `"new"`)
	st.WantEvent("orders.1", "message", `"once"`)
	st.WantEvent("none.a", "message", `"other"`)

	again := srv.Subscribe("channels=orders.%3E", "Last-Event-ID: "+ids[1])
	again.WantRegistered()
	again.WantEvent("orders.1.paid", "t", `4`)
	again.WantEvent("orders.1", "t", `5`)
	again.WantEvent("orders.9", "message", `"new"`)
	again.WantEvent("orders.1", "message", `"once"`)

	// In presence it stands under the pattern's own name.
	text := string(srv.Get("/presence/clients/" + hello.ClientID).Body)
	if !strings.Contains(text, `"orders.*"`) {
		t.Errorf("the client is %s", text)
	}
	if text := string(srv.Get("/presence/clients?channel=orders.2").Body); strings.Contains(text, hello.ClientID) {
		t.Errorf("it is a member of a channel that it matches: %s", text)
	}
	message := srv.Get("/subscribe?channels=room.*&presence=channels").WantFault(400, "invalid_presence", "presence")
	if !strings.Contains(message, "/presence/stream?channels=room.*") {
		t.Errorf("the message %q does not name the stream to take", message)
	}
	srv.Get("/subscribe?channels=a.>.b").WantFault(400, "invalid_channel", "channels")
	srv.Post("/publish", `{"events":[{"channelName":"orders.*","type":"t","payload":1}]}`).WantFault(400, "invalid_event", "events[0].channelName")
	srv.Get("/history?channel=orders.*").WantFault(400, "invalid_channel", "channel")
}

// A stream that ends now has what a stream would begin with, and the position to go on from. It is in nobody's presence.
func TestUntilNow(t *testing.T) {
	srv := start(t)
	ids := srv.Publish("a.x", `1`, `2`)
	ids = append(ids, srv.Publish("b", `3`)...)
	for _, query := range []string{"channels=a.*", "channels=a.x,none&presence=online"} {
		st := srv.Subscribe(query + "&until=now&clientId=reader")
		st.WantRegistered()
		st.WantLast("a.x", `{"type":"message","payload":2}`)
		if strings.Contains(query, "none") {
			st.WantLast("none", `{}`)
		}
		st.WantGoodbye("complete", false)
		st.WantEnd()
		if st.LastID != ids[2] {
			t.Errorf("%s ended at %s, want %s", query, st.LastID, ids[2])
		}
	}
	body := fmt.Sprintf(`{"channels":["a.>"],"until":"now","lastEventId":%q}`, ids[0])
	st := srv.Open("POST", "/subscribe", body)
	st.WantRegistered()
	st.WantEvent("a.x", "message", `2`)
	st.WantGoodbye("complete", false)
	st.WantEnd()
	empty := srv.Subscribe("channels=a.*&until=now", "Last-Event-ID: "+ids[2])
	empty.WantRegistered()
	empty.WantGoodbye("complete", false)
	now := srv.Subscribe("channels=a.*&until=now&from=now")
	now.WantRegistered()
	now.WantGoodbye("complete", false)
	if text := srv.Get("/presence/clients").Body; !strings.Contains(text, `"total":0`) {
		t.Errorf("presence lists %s", text)
	}
	srv.Get("/subscribe?channels=a&until=later").WantFault(400, "invalid_until", "until")
}

// A stream that ends now ends though it takes its events in parts, and has all of them.
func TestUntilNowSlowReader(t *testing.T) {
	srv := start(t)
	payload := `"` + strings.Repeat("x", 50_000) + `"`
	for range 20 {
		srv.Publish("big.a", payload, payload, payload, payload, payload)
	}
	st := srv.Subscribe("channels=big.*&from=oldest&until=now")
	st.WantRegistered()
	n := 0
	for ev, _ := st.Next(); ev.Type == "message"; ev, _ = st.Next() {
		n++
	}
	var kept struct{ Events []struct{ ID string } }
	if err := json.Unmarshal([]byte(srv.Get("/history?channel=big.a&limit=1000").Body), &kept); err != nil || n != len(kept.Events) || n == 0 {
		t.Errorf("it has %d events, kept are %d, error %v", n, len(kept.Events), err)
	}
	st.WantEnd()
}

// A fresh stream gets the newest events of the hundred channels with the latest events.
func TestPatternLast(t *testing.T) {
	srv := start(t)
	for i := range 130 {
		srv.Publish(fmt.Sprintf("p.%d", i), fmt.Sprint(i))
	}
	srv.Publish("p.7", `"again"`)
	st := srv.Subscribe("channels=p.*")
	st.WantRegistered()
	for i := 31; i < 130; i++ {
		st.WantLast(fmt.Sprintf("p.%d", i), fmt.Sprintf(`{"type":"message","payload":%d}`, i))
	}
	st.WantLast("p.7", `{"type":"message","payload":"again"}`)
	srv.Publish("p.0", `"next"`)
	st.WantEvent("p.0", "message", `"next"`)
}

// A hole belongs to its channel or, if that is unknown by now, to the pattern.
func TestPatternGaps(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryEvents: 2})
	ids := srv.Publish("a.x", `1`, `2`, `3`, `4`)
	srv.Publish("b.x", `5`)
	st := srv.Subscribe("channels=a.*", "Last-Event-ID: "+ids[0])
	st.WantRegistered()
	st.WantGap("a.x", ids[0], "evicted")
	st.WantEvent("a.x", "message", `3`)
	st.WantEvent("a.x", "message", `4`)

	srv.Do("DELETE", "/history?channel=a.x", "").WantStatus(204)
	gone := srv.Subscribe("channels=a.*,b.*", "Last-Event-ID: "+ids[2])
	gone.WantRegistered()
	gone.WantGap("a.*", ids[2], "evicted")
	gone.WantEvent("b.x", "message", `5`)
	srv.Publish("a.x", `6`)
	gone.WantEvent("a.x", "message", `6`)

	lost := srv.Subscribe("channels=a.*,b.x", "Last-Event-ID: gone-7")
	lost.WantRegistered()
	lost.WantGap("a.*", "gone-7", "epoch")
	lost.WantGap("b.x", "gone-7", "epoch")
	lost.WantLast("b.x", `{"type":"message","payload":5}`)
	lost.WantLast("a.x", `{"type":"message","payload":6}`)
}

// The grant of a token must cover all of a pattern.
func TestPatternRights(t *testing.T) {
	key := func(name, channels string) (string, auth.Key) { return apiKey(t, name, "subscribe,presence", channels) }
	some, someKey := key("some", "orders.*,room.>")
	srv := webtest.Start(t, web.Options{Access: &auth.Options{Keys: []auth.Key{someKey}}})
	for pattern, status := range map[string]int{"orders.*": 200, "orders.1": 200, "room.*": 200, "room.%3E": 200, "room.*.a": 200,
		"orders.%3E": 403, "*": 403, "%3E": 403, "*.1": 403, "orders.*.x": 403} {
		if status == 200 {
			srv.Subscribe("channels="+pattern, some).WantRegistered()
			srv.Watch("channels="+pattern, some)
			continue
		}
		srv.Get("/subscribe?channels="+pattern, some).WantStatus(403)
		srv.Get("/presence/stream?channels="+pattern, some).WantStatus(403)
	}
}

// The presence stream takes patterns, too.
func TestPatternPresence(t *testing.T) {
	srv := start(t)
	ann := subscribed(t, srv, "clientId=ann", "room.1", "hall.1")
	roster := srv.Watch("channels=room.*")
	roster.WantThere("room.1", "ann")
	bob := subscribed(t, srv, "clientId=bob", "room.2")
	roster.Want("join", "room.2", "bob")
	ann.Close()
	roster.Want("leave", "room.1", "ann")
	bob.Close()
	roster.Want("leave", "room.2", "bob")
}

// What a stream gets of patterns is what a naive matcher lets through, live, behind, cut and resumed, from memory and from disk.
func TestPatternsAgainstNaiveMatcher(t *testing.T) {
	for name, engine := range map[string]func(t *testing.T) node.Engine{
		"memory": func(*testing.T) node.Engine { return nil },
		"disk": func(t *testing.T) node.Engine {
			l, err := disklog.Open(t.TempDir()+"/data", disklog.Options{Relaxed: true, Keep: eventlog.Options{Events: 10_000, Budget: 64 << 10}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := webtest.Start(t, web.Options{Engine: engine(t), HistoryEvents: 10_000})
			rng := rand.New(rand.NewPCG(3, 4))
			token := func() string { return []string{"a", "b", "c"}[rng.IntN(3)] }
			channel := func() string {
				parts := []string{token()}
				for range rng.IntN(3) {
					parts = append(parts, token())
				}
				return strings.Join(parts, ".")
			}
			entry := func() string {
				parts := strings.Split(channel(), ".")
				for i := range parts {
					if rng.IntN(3) == 0 {
						parts[i] = "*"
					}
				}
				if rng.IntN(3) == 0 {
					parts[len(parts)-1] = ">"
				}
				return strings.Join(parts, ".")
			}
			var log []string // channels, in log order
			base := srv.Head()
			publish := func(n int) {
				var body []string
				for range n {
					log = append(log, channel())
					body = append(body, fmt.Sprintf(`{"channelName":%q,"type":"message","payload":"%0100d"}`, log[len(log)-1], len(log)))
				}
				srv.PublishBody(`{"events":[` + strings.Join(body, ",") + `]}`)
			}
			publish(500)
			type reader struct {
				st      *webtest.Stream
				entries []string
				at      int
			}
			open := func(r *reader) {
				r.st = srv.Subscribe("channels="+strings.ReplaceAll(strings.Join(r.entries, ","), ">", "%3E"),
					fmt.Sprintf("Last-Event-ID: %s-%d", epochOf(base), r.at))
				r.st.WantRegistered()
			}
			readers := make([]*reader, 8)
			for i := range readers {
				readers[i] = &reader{at: rng.IntN(400)}
				for range 1 + rng.IntN(3) {
					if e := entry(); !slices.Contains(readers[i].entries, e) {
						readers[i].entries = append(readers[i].entries, e)
					}
				}
				if name != "disk" {
					open(readers[i])
				}
			}
			for range 30 {
				publish(1 + rng.IntN(40))
				for _, r := range readers {
					if name == "disk" { // whose memory keeps little: a stream that is behind may lose events meanwhile
						open(r)
					}
					var patterns auth.Patterns
					for _, e := range r.entries {
						patterns = append(patterns, patternsOf(t, e)...)
					}
					stop := len(log) - rng.IntN(20)
					if name == "disk" {
						stop = len(log)
					}
					for r.at < stop {
						next := r.at
						for next < len(log) && !patterns.Matches(log[next]) {
							next++
						}
						if next == len(log) {
							break
						}
						r.st.WantEvent(log[next], "message", fmt.Sprintf(`"%0100d"`, next+1))
						r.at = next + 1
					}
					if name == "disk" {
						r.st.Cut()
					} else if rng.IntN(4) == 0 {
						r.st.Cut()
						open(r)
					}
				}
			}
		})
	}
}
