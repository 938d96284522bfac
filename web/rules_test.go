package web_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/hub/disklog"
	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/node"
	"rollcall/web/webtest"
)

func rule(t testing.TB, match string, r eventlog.Rule) eventlog.Rule {
	t.Helper()
	var err error
	if r.Match, err = eventlog.ParsePattern(match); err != nil {
		t.Fatal(err)
	}
	return r
}

// A rule says what the channels that match keep, in memory and on disk.
func TestChannelRules(t *testing.T) {
	for _, engine := range []string{"memory", "disk"} {
		t.Run(engine, func(t *testing.T) {
			opts := web.Options{HistoryEvents: 100, ChannelRules: []eventlog.Rule{
				rule(t, "typing.loud", eventlog.Rule{Events: 3}),
				rule(t, "typing.>", eventlog.Rule{Keep: eventlog.KeepNone}),
				rule(t, "price.*", eventlog.Rule{Keep: eventlog.KeepLast}),
			}}
			if engine == "disk" {
				l, err := disklog.Open(t.TempDir()+"/data", disklog.Options{Relaxed: true, Keep: opts.History()})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				opts.Engine = node.Engine(l)
			}
			srv := webtest.Start(t, opts)
			st := subscribed(t, srv, "", "typing.ann", "price.x", "typing.loud")
			at := st.LastID
			for i := range 5 {
				srv.Publish("typing.ann", fmt.Sprint(i))
				srv.Publish("price.x", fmt.Sprint(i))
				srv.Publish("typing.loud", fmt.Sprint(i))
			}
			for i := range 5 {
				st.WantEvent("typing.ann", "message", fmt.Sprint(i))
				st.WantEvent("price.x", "message", fmt.Sprint(i))
				st.WantEvent("typing.loud", "message", fmt.Sprint(i))
			}
			none := srv.Subscribe("channels=typing.ann", "Last-Event-ID: "+at)
			none.WantRegistered()
			srv.Publish("typing.ann", `"live"`)
			none.WantEvent("typing.ann", "message", `"live"`)
			fresh := srv.Subscribe("channels=typing.ann,price.x,typing.*")
			fresh.WantRegistered()
			fresh.WantLast("typing.ann", `{}`)
			fresh.WantLast("price.x", `{"type":"message","payload":4}`)
			fresh.WantLast("typing.loud", `{"type":"message","payload":4}`)
			back := srv.Subscribe("channels=price.x,typing.loud", "Last-Event-ID: "+at)
			back.WantRegistered()
			back.WantGap("price.x", at, "evicted")
			back.WantGap("typing.loud", at, "evicted")
			back.WantEvent("typing.loud", "message", `2`)
			back.WantEvent("typing.loud", "message", `3`)
			back.WantEvent("price.x", "message", `4`)
			back.WantEvent("typing.loud", "message", `4`)
			for name, want := range map[string]string{
				"typing.ann":  `"rule":{"match":"typing.\u003e","keep":"none",`,
				"price.x":     `"rule":{"match":"price.*","keep":"last","events":1,`,
				"typing.loud": `"kept":{"events":3,`,
				"news":        `"rule":{"match":"","keep":"all","events":100,"bytes":1048576,"age":"1h0m0s","slow":"wait"}`,
				"room.a":      `"rule":{"match":"room.\u003e","keep":"all","events":10000,`,
			} {
				if text := strings.ReplaceAll(srv.Get("/presence/channels/"+name).WantStatus(200).Body, ">", `\u003e`); !strings.Contains(text, want) {
					t.Errorf("%s: %s, want %s in it", name, text, want)
				}
			}
		})
	}
}

// A stream that is behind gets only the newest event of a channel that says so, behind one gap.
func TestSlowLatest(t *testing.T) {
	srv := webtest.Start(t, web.Options{ChannelRules: []eventlog.Rule{rule(t, "price.*", eventlog.Rule{Latest: true})}})
	st := subscribed(t, srv, "", "price.x", "news")
	at := st.LastID
	ids := srv.Publish("price.x", `1`, `2`)
	srv.Publish("news", `3`)
	srv.Publish("price.x", `4`, `5`)
	back := srv.Subscribe("channels=price.x,news,price.none", "Last-Event-ID: "+at)
	back.WantRegistered()
	if text := back.WantOwn("gap", "price.x"); text != `{"after":"`+at+`","reason":"skipped","skipped":3}` {
		t.Errorf("the gap is %s", text)
	}
	back.WantEvent("news", "message", `3`)
	back.WantEvent("price.x", "message", `5`)
	srv.Publish("price.x", `6`, `7`)
	back.WantEvent("price.x", "message", `6`)
	back.WantEvent("price.x", "message", `7`)
	one := srv.Subscribe("channels=price.*", "Last-Event-ID: "+back.LastID)
	one.WantRegistered()
	all := srv.Subscribe("channels=price.x&from=oldest")
	all.WantRegistered()
	if id := all.WantEvent("price.x", "message", `1`); id != ids[0] {
		t.Errorf("from=oldest begins at %s, want %s", id, ids[0])
	}
	all.WantEvent("price.x", "message", `2`)
}

// Rules change while the server runs.
func TestRulesReload(t *testing.T) {
	srv := start(t)
	srv.Publish("a", `1`, `2`, `3`)
	srv.Publish("b", `4`)
	if err := srv.Reload(web.Changes{ChannelRules: []eventlog.Rule{rule(t, "a", eventlog.Rule{Keep: eventlog.KeepLast}), rule(t, "b", eventlog.Rule{Keep: eventlog.KeepNone})}}); err != nil {
		t.Fatal(err)
	}
	if text := srv.Get("/history?channel=a").Body; strings.Count(text, `"payload"`) != 1 {
		t.Errorf("a keeps %s", text)
	}
	srv.Get("/lastEvent?channel=b").WantJSON(`{"response":"{}"}`)
	srv.Publish("b", `5`)
	if err := srv.Reload(web.Changes{}); err != nil {
		t.Fatal(err)
	}
	srv.Publish("b", `6`)
	srv.Get("/lastEvent?channel=b").WantJSON(`{"response":"{\"type\":\"message\",\"payload\":6}"}`)
}
