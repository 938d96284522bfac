package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// streamPaths are those that open a stream, but for the channel at the end.
var streamPaths = []string{"/subscribe?channels=", "/subscribe?channel=", "/subscribe?channels=room.a,", "/presence/stream?channels=", "/presence/stream?channel=room.a&channel="}

// wantNoReach wants that this credential can neither read nor publish nor see anything of the channel, which is
// well-formed.
func wantNoReach(t *testing.T, g *guarded, show, channel string) {
	t.Helper()
	status := 403
	if show == "X: y" {
		status = 401
	}
	escaped := url.QueryEscape(channel)
	for _, path := range streamPaths {
		wantDenied(t, g.Get(path+escaped, show), status)
	}
	list := jsonOf(t, []string{"room.a", channel})
	wantDenied(t, g.Post("/subscribe", `{"channels":`+list+`}`, show), status)
	for _, path := range []string{"/history?channel=", "/history?limit=1&channel=", "/lastEvent?channel=", "/presence/clients?channel=", "/presence/clients?q=a&channel="} {
		wantDenied(t, g.Get(path+escaped, show), status)
	}
	body := fmt.Sprintf(`{"events":[{"channelName":%s,"type":"t","payload":1}]}`, jsonOf(t, channel))
	wantDenied(t, g.Post("/publish", body, show), status)
}

func TestSecurityForeignChannel(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	for _, show := range []string{
		"X: y", bearer(token(t, "eve", "room.b,orders.a", "room.b,orders.>")), g.billing,
		bearer(token(t, "eve", "", "")), bearer(token(t, "eve", "public.>", "room.*.x")),
	} {
		wantNoReach(t, g, show, "room.a")
		wantNoReach(t, g, show, "secret")
	}
	w.wantPeace()
}

// A pattern reaches as far as it says.
func TestSecurityWildcardReachesNoFurther(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	star := bearer(token(t, "eve", "room.*", "room.*"))
	for _, channel := range []string{"room", "rooms.x", "room.a.b", "roo", "xroom.a", "room..a", ".room.a", "room.a.", "a.room.a", "room-a", "room.*x.y"} {
		wantNoReach(t, g, star, channel)
	}
	tail := bearer(token(t, "eve", "room.>", "room.>"))
	for _, channel := range []string{"room", "rooms.a", "xroom.a", "Room.a", ".room.a"} {
		wantNoReach(t, g, tail, channel)
	}
	one := bearer(token(t, "eve", "*", "*"))
	for _, channel := range []string{"room.a", "a.b", "."} {
		wantNoReach(t, g, one, channel)
	}
	// A pattern needs a grant that covers all of it.
	for _, show := range []string{star, tail, one} {
		for _, name := range []string{">", "*.a", "*.*", "*.>", "room.*.*"} {
			if show == tail && strings.HasPrefix(name, "room.") {
				continue
			}
			for _, path := range streamPaths {
				g.Get(path+url.QueryEscape(name), show).WantStatus(403)
			}
		}
	}
	// Nor is a pattern taken for a channel.
	all := bearer(token(t, "eve", ">", ">"))
	for _, name := range []string{"*", ">", "room.*", "room.>", "*.a"} {
		escaped := url.QueryEscape(name)
		g.Get("/history?channel="+escaped, all).WantFault(400, "invalid_channel", "channel")
		g.Get("/lastEvent?channel="+escaped, all).WantFault(400, "invalid_channel", "channel")
		g.Post("/publish", oneEvent(name, `1`), all).WantFault(400, "invalid_event", "events[0].channelName")
		if a := g.Get("/presence/clients?channel="+escaped, all); a.Status == 200 && !strings.Contains(a.Body, `{"clients":[]`) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	w.wantPeace()
}

// A name is compared byte by byte: no path, no escape, no look-alike leads from one
// to another.
func TestSecurityChannelNameTricks(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	eve := bearer(token(t, "eve", "room.a,caf\u00e9", "room.a,caf\u00e9"))
	for _, channel := range []string{
		"room.a/../room.b", "../room.a", "./room.a", "room.a/", "/room.a", "room%2Ea", "room%2ea", "room.a%00", "room.a%2C", "ROOM.A", "Room.a", "room.A",
		"room.a.", ".room.a", "room..a", "room.\u0430", "room\uff0ea", "room\u2024a", "\ufeffroom.a", "room.a\u200b", "room.a\u00ad", "room.\u00aa", "cafe\u0301", "CAF\u00c9",
		"room.a;x", "room.a#", "room.a?", "room.a&channel=room.b", "room.a|b", "room\\.a", "roo\u217f.a",
	} {
		wantNoReach(t, g, eve, channel)
	}
	// These are not names, for any caller.
	for name, err := range map[string]string{
		"room.a\x00": "control", "room.a\n": "control", "room.a\r\nX: y": "control", "room.a\u0085": "control", "$online": "$", "$": "$", "$room.a": "$", " room.a": "space", "room.a ": "space",
		"\u00a0room.a": "space", "room.a\u3000": "space", "room.a\xff": "UTF-8", "room.\xc0\xaea": "UTF-8", "\xed\xa0\x80": "UTF-8",
	} {
		for _, show := range []string{eve, g.root} {
			for _, path := range []string{"/subscribe?channels=", "/subscribe?channels=room.a&channel=", "/presence/stream?channels="} {
				if text := g.Get(path+url.QueryEscape(name), show).WantFault(400, "invalid_channel", "channels"); !strings.Contains(text, err) {
					t.Errorf("%s%q: %s", path, name, text)
				}
			}
			g.Get("/history?channel="+url.QueryEscape(name), show).WantFault(400, "invalid_channel", "channel")
			g.Get("/lastEvent?channel="+url.QueryEscape(name), show).WantFault(400, "invalid_channel", "channel")
			if a := g.Get("/presence/clients?channel="+url.QueryEscape(name), show); a.Status == 200 && !strings.Contains(a.Body, `{"clients":[]`) {
				t.Errorf("%q: %s", name, a.Body)
			}
			text, err := json.Marshal(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), `\ufffd`) {
				text = []byte(`"` + name + `"`)
			}
			a := g.Post("/publish", `{"events":[{"channelName":`+string(text)+`,"type":"t","payload":1}]}`, show)
			if a.Status != 400 {
				t.Errorf("published to %q: %d %s", name, a.Status, a.Body)
			}
		}
	}
	w.wantPeace()
}

// One event that is not allowed keeps the whole batch out.
func TestSecurityMixedBatch(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	show := bearer(token(t, "eve", "room.a", "room.a,room.b"))
	event := func(channel string) string {
		return fmt.Sprintf(`{"channelName":%q,"type":"t","payload":"forged","idempotencyKey":"k"}`, channel)
	}
	for _, batch := range [][]string{{"room.a", "room.c"}, {"room.c", "room.a"}, {"room.a", "room.b", "room.a", "orders.a", "room.a"}, {"room.a", "room.a.b"}} {
		events := make([]string, len(batch))
		for i, channel := range batch {
			events[i] = event(channel)
		}
		a := g.Post("/publish", `{"events":[`+strings.Join(events, ",")+`]}`, show)
		wantDenied(t, a, 403)
		bad := slices.IndexFunc(batch, func(name string) bool { return name != "room.a" && name != "room.b" })
		if field := fmt.Sprintf(`"field":"events[%d].channelName"`, bad); !strings.Contains(a.Body, field) {
			t.Errorf("%s, want %s", a.Body, field)
		}
	}
	// The name that counts is the one that is published to.
	g.Post("/publish", `{"events":[{"channelName":"room.a","type":"t","payload":1,"channelName":"room.c"}]}`, show).WantStatus(403)
	w.wantPeace()
	g.Post("/publish", `{"events":[`+event("room.a")+`]}`, show).WantStatus(200) // what was refused left no key behind
	if p := g.Get("/history?channel=room.a", g.root); strings.Count(p.Body, `"forged"`) != 1 {
		t.Error(p.Body)
	}
}
