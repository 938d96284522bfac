package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// A live stream gets each piece of a text, one that catches up all of them as one event.
func TestPieces(t *testing.T) {
	srv := start(t)
	live := subscribed(t, srv, "", "answer")
	at := live.LastID
	ids := srv.PublishBody(`{"events":[{"channelName":"answer","type":"token","payload":"Hel","append":"m1"},
		{"channelName":"answer","type":"token","payload":"lo \"","append":"m1"},{"channelName":"answer","type":"token","payload":"w☃rld","append":"m1"}]}`)
	for i, want := range []string{`"Hel"`, `"lo \""`, `"w☃rld"`} {
		if ev, m := live.Next(); m.Append != "m1" || m.Pieces != 0 || string(m.Payload) != want || ev.ID != ids[i] {
			t.Fatalf("piece %d is %q", i, ev)
		}
	}
	late := srv.Subscribe("channels=answer", "Last-Event-ID: "+at)
	late.WantRegistered()
	if ev, m := late.Next(); m.Append != "m1" || m.Pieces != 3 || string(m.Payload) != `"Hello \"w☃rld"` || ev.ID != ids[2] || ev.Type != "token" {
		t.Fatalf("the text so far is %q", ev)
	}
	fresh := srv.Subscribe("channels=answer")
	fresh.WantRegistered()
	fresh.WantLast("answer", `{"type":"token","payload":"Hello \"w☃rld"}`)
	srv.PublishBody(`{"events":[{"channelName":"answer","type":"token","payload":"!","append":"m1","end":true}]}`)
	for _, st := range []*webtest.Stream{live, late, fresh} {
		if ev, m := st.Next(); string(m.Payload) != `"!"` || !m.End || m.Pieces != 0 {
			t.Fatalf("the last piece is %q", ev)
		}
		st.WantGoodbye("complete", false)
	}
}

// What a stream has of a text is the text, wherever it was cut, however often, and whatever came between.
func TestPiecesAreTheText(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryEvents: 10_000, HistoryBytes: 64 << 20})
	rng := rand.New(rand.NewPCG(1, 2))
	head := srv.Head()
	var ids []string
	texts := map[string]string{}      // by key, all of it
	upTo := make([]map[string]int, 0) // by event, how much of each text there was before it
	for range 40 {
		var body strings.Builder
		n := 1 + rng.IntN(50)
		for i := range n {
			before := map[string]int{}
			for key, text := range texts {
				before[key] = len(text)
			}
			upTo = append(upTo, before)
			if i > 0 {
				body.WriteByte(',')
			}
			channel := []string{"a", "a", "a", "b"}[rng.IntN(4)]
			if rng.IntN(12) == 0 {
				fmt.Fprintf(&body, `{"channelName":%q,"type":"message","payload":%d}`, channel, i)
				continue
			}
			key := channel + []string{"k", "k", "l"}[rng.IntN(3)]
			piece := strings.Repeat([]string{"x", "é\"", "☃\n", ""}[rng.IntN(4)], rng.IntN(300))
			texts[key] += piece
			quoted, _ := json.Marshal(piece)
			fmt.Fprintf(&body, `{"channelName":%q,"type":"token","append":%q,"payload":%s}`, channel, key, quoted)
		}
		ids = append(ids, srv.PublishBody(`{"events":[`+body.String()+`]}`)...)
	}
	last := srv.Publish("a", `"marker"`)[0]
	seq := func(id string) (n int) {
		_, _ = fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &n)
		return n
	}
	base := seq(head)
	for range 20 {
		from := base + rng.IntN(len(ids))
		at := fmt.Sprintf("%s-%d", epochOf(head), from)
		got := map[string]string{}
		if k := from - base; k < len(upTo) {
			for key, n := range upTo[k] {
				got[key] = texts[key][:n]
			}
		}
		events := 0
		for done := false; !done; {
			st := srv.Subscribe("channels=a,b", "Last-Event-ID: "+at)
			st.WantRegistered()
			for cut := 1 + rng.IntN(60); cut > 0 && !done; cut-- { // and then it breaks
				ev, m := st.Next()
				at, events = ev.ID, events+1
				if m.Append != "" {
					var piece string
					_ = json.Unmarshal(m.Payload, &piece)
					got[m.Append] += piece
				}
				done = ev.ID == last
			}
			st.Cut()
		}
		for key, text := range texts {
			if got[key] != text {
				t.Fatalf("from %d: the text %q has %d bytes, want %d", from, key, len(got[key]), len(text))
			}
		}
		if events >= len(ids)-(from-base) && from < base+len(ids)/2 {
			t.Errorf("from %d: %d events for %d, none were joined", from, events, len(ids)-(from-base))
		}
	}
}
