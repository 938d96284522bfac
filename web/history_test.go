package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestLastEvent(t *testing.T) {
	srv := start(t)
	for _, path := range []string{"/lastEvent", "/lastEvent/"} {
		channel := strings.Trim(path, "/") + path
		srv.Get(path+"?channel="+url.QueryEscape(channel)).WantJSON(`{"response":"{}"}`).WantHeader("Cache-Control", "no-store")
		srv.Publish(channel, `1`, `{"a":"b"}`)
		srv.Publish("other", `0`)
		srv.Get(path + "?channel=" + url.QueryEscape(channel)).WantJSON(`{"response":"{\"type\":\"message\",\"payload\":{\"a\":\"b\"}}"}`)
	}
	srv.Get("/lastEvent").WantFault(400, "invalid_channel", "channel")
}

// page is an answer of /history.
type page struct {
	Events []struct {
		ID          string
		ChannelName string
		Type        string
		Payload     json.RawMessage
		Timestamp   string
	}
	Next string
	Prev string
	Gap  *bool
}

// history gets a page of a channel.
func history(t *testing.T, srv *webtest.Server, query string) page {
	t.Helper()
	var p page
	srv.Get("/history?" + query).WantStatus(200).Into(&p)
	if p.Events == nil || p.Gap == nil {
		t.Fatalf("%s: %+v", query, p)
	}
	return p
}

// wantPage wants these payloads on a page, and whether it has a gap.
func wantPage(t *testing.T, p page, gap bool, payloads ...string) {
	t.Helper()
	var got []string
	for _, ev := range p.Events {
		got = append(got, string(ev.Payload))
	}
	if strings.Join(got, " ") != strings.Join(payloads, " ") || *p.Gap != gap {
		t.Fatalf("payloads %q, gap %t, want %q, %t", got, *p.Gap, payloads, gap)
	}
}

func TestHistory(t *testing.T) {
	srv := start(t)
	before := srv.Head()
	wantPage(t, history(t, srv, "channel=a"), false)
	if got := history(t, srv, "channel=a").Next; got != before {
		t.Errorf("next of nothing is %s, want %s", got, before)
	}
	ids := srv.Publish("a", `0`, `1`, `2`)
	srv.Publish("b", `"b"`)
	ids = append(ids, srv.Publish("a", `3`, `4`)...)

	// The whole answer, by its bytes.
	a := srv.Get("/history?channel=a&limit=1").WantHeader("Cache-Control", "no-store")
	stamp := history(t, srv, "channel=a").Events[0].Timestamp
	a.WantJSON(`{"events":[{"id":"` + ids[0] + `","channelName":"a","type":"message","payload":0,"timestamp":"` + stamp + `"}],"next":"` + ids[0] + `","gap":false}`)
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", stamp); err != nil {
		t.Error(err)
	}

	// Page by page, to the end and on from there.
	var got []string
	after := before
	for {
		p := history(t, srv, "channel=a&limit=2&after="+after)
		if *p.Gap || len(p.Events) > 2 {
			t.Fatalf("%+v", p)
		}
		after = p.Next
		if len(p.Events) == 0 {
			break
		}
		for _, ev := range p.Events {
			if want := ids[len(got)]; ev.ID != want || ev.ChannelName != "a" || ev.Type != "message" {
				t.Errorf("%+v, want id %s", ev, want)
			}
			got = append(got, string(ev.Payload))
		}
	}
	if strings.Join(got, "") != "01234" {
		t.Errorf("got %v", got)
	}
	srv.Publish("a", `5`)
	wantPage(t, history(t, srv, "channel=a&after="+after), false, `5`)

	// From a position of any kind.
	wantPage(t, history(t, srv, "channel=a&after="+ids[3]), false, `4`, `5`)
	wantPage(t, history(t, srv, "channel=b&after="+ids[3]), false)
	wantPage(t, history(t, srv, "channel=b&after="+ids[0]), false, `"b"`)
	wantPage(t, history(t, srv, "channel=a&limit=1&after=former-3"), true, `0`)
	wantPage(t, history(t, srv, "channel=a&limit=1&after="+epochOf(ids[0])+"-1000"), true, `0`)
	wantPage(t, history(t, srv, "channel=none&after=former-3"), true)

	// The position of a page is one to subscribe from.
	st := srv.Subscribe("channels=a,b", "Last-Event-ID: "+history(t, srv, "channel=a&limit=3").Next)
	st.WantRegistered()
	st.WantEvent("b", "message", `"b"`)
	st.WantEvent("a", "message", `3`)
}

func TestHistoryGap(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryEvents: 2})
	before := srv.Head()
	ids := srv.Publish("a", `0`, `1`, `2`, `3`)
	wantPage(t, history(t, srv, "channel=a"), true, `2`, `3`)
	wantPage(t, history(t, srv, "channel=a&after="+before), true, `2`, `3`)
	wantPage(t, history(t, srv, "channel=a&after="+ids[0]), true, `2`, `3`)
	wantPage(t, history(t, srv, "channel=a&after="+ids[1]), false, `2`, `3`)
	p := history(t, srv, "channel=a&limit=1&after="+ids[0])
	wantPage(t, p, true, `2`)
	wantPage(t, history(t, srv, "channel=a&limit=1&after="+p.Next), false, `3`)
	wantPage(t, history(t, srv, "channel=never&after="+before), false)
}

func TestHistoryLimit(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryEvents: 3000, MaxBatchEvents: 1500})
	payloads := make([]string, 1500)
	for i := range payloads {
		payloads[i] = fmt.Sprint(i)
	}
	srv.Publish("a", payloads...)
	for query, want := range map[string]int{"": 100, "&limit=1": 1, "&limit=101": 101, "&limit=1000": 1000, "&limit=1001": 1000, "&limit=": 100} {
		if got := len(history(t, srv, "channel=a"+query).Events); got != want {
			t.Errorf("%q gives %d events, want %d", query, got, want)
		}
	}
	for _, limit := range []string{"0", "-1", "x", "1.5", "1e3", "99999999999999999999"} {
		srv.Get("/history?channel=a&limit="+limit).WantFault(400, "invalid_limit", "limit")
	}
	for _, after := range []string{"x", "1", "-1", "a-", "a-01", "%00", "a-18446744073709551616"} {
		srv.Get("/history?channel=a&after="+after).WantFault(400, "invalid_position", "after")
	}
}

// Events leave the history when their time is up.
func TestHistoryAge(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryAge: 50 * time.Millisecond})
	id := srv.Publish("a", `1`)[0]
	eventually(t, "the event is gone", func() bool { return len(history(t, srv, "channel=a").Events) == 0 })
	wantPage(t, history(t, srv, "channel=a&after="+epochOf(id)+"-0"), true)
	srv.Get("/lastEvent?channel=a").WantJSON(`{"response":"{}"}`)
}

// The newest events of a channel take one request, and the previous pages lead back to the oldest kept one. gap
// reports dropped events without a position too.
func TestHistoryFromItsEnd(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{HistoryEvents: 7})
	for _, query := range []string{"channel=a&last=3", "channel=a"} {
		wantPage(t, history(t, srv, query), false)
	}
	ids := srv.Publish("a", `1`, `2`, `3`, `4`, `5`)
	srv.Publish("b", `0`)
	p := history(t, srv, "channel=a&last=2")
	wantPage(t, p, false, `4`, `5`)
	if p.Prev != ids[3] || p.Next != srv.Head() {
		t.Errorf("prev %s, next %s", p.Prev, p.Next)
	}
	p = history(t, srv, "channel=a&last=2&before="+p.Prev)
	wantPage(t, p, false, `2`, `3`)
	p = history(t, srv, "channel=a&last=2&before="+p.Prev)
	wantPage(t, p, false, `1`)
	wantPage(t, history(t, srv, "channel=a&last=2&before="+p.Prev), false)
	wantPage(t, history(t, srv, "channel=a&before="+ids[2]), false, `1`, `2`)

	ids = append(ids, srv.Publish("a", `6`, `7`, `8`, `9`)...)
	wantPage(t, history(t, srv, "channel=a"), true, `3`, `4`, `5`, `6`, `7`, `8`, `9`)
	wantPage(t, history(t, srv, "channel=a&last=1000"), true, `3`, `4`, `5`, `6`, `7`, `8`, `9`)
	wantPage(t, history(t, srv, "channel=a&last=1"), true, `9`)
	wantPage(t, history(t, srv, "channel=a&after="+ids[1]), false, `3`, `4`, `5`, `6`, `7`, `8`, `9`)
	wantPage(t, history(t, srv, "channel=b"), false, `0`)
	wantPage(t, history(t, srv, "channel=a&last=1&before=other-5"), true, `9`)

	srv.Get("/history?channel=a&last=0").WantFault(400, "invalid_limit", "last")
	srv.Get("/history?channel=a&last=1&before=x").WantFault(400, "invalid_position", "before")
	srv.Get("/history?channel=a&last=1&after="+ids[0]).WantFault(400, "invalid_limit", "last")
	srv.Get("/history?channel=a&last=1&limit=1").WantFault(400, "invalid_limit", "last")
}
