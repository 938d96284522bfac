package web_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestResume(t *testing.T) {
	srv := start(t)
	first := subscribed(t, srv, "clientId=ada", "a", "b")
	atRegistered := first.LastID
	var ids []string
	for i := range 6 {
		ids = append(ids, srv.Publish([]string{"a", "b", "other"}[i%3], fmt.Sprint(i))...)
	}
	first.WantEvent("a", "message", `0`)
	first.Cut()

	// What comes back under the first stream's last id gets the rest, each once,
	// in log order, and no lastEvent; live events follow.
	again := srv.Subscribe("channels=a,b&clientId=ada", "Last-Event-ID: "+first.LastID)
	if hello := again.WantRegistered(); !hello.Resumed || hello.ClientID != "ada" || again.LastID != ids[0] {
		t.Errorf("registered: %+v at %s, want resumed at %s", hello, again.LastID, ids[0])
	}
	for i, channel := range []string{1: "b", 3: "a", 4: "b"} {
		if channel != "" {
			if id := again.WantEvent(channel, "message", fmt.Sprint(i)); id != ids[i] {
				t.Errorf("event %d has id %s, was published as %s", i, id, ids[i])
			}
		}
	}
	srv.Publish("b", `"live"`)
	again.WantEvent("b", "message", `"live"`)
	again.Close()

	// A client that dropped before its first event resumes exactly too, and so
	// does one that dropped right after it had resumed.
	for range 2 {
		again = srv.Subscribe("channels=a,b", "Last-Event-ID: "+atRegistered)
		again.WantRegistered()
		if again.LastID != atRegistered {
			t.Fatalf("registered is at %s, want %s", again.LastID, atRegistered)
		}
	}
	for i, channel := range []string{0: "a", 1: "b", 3: "a", 4: "b"} {
		if channel != "" {
			again.WantEvent(channel, "message", fmt.Sprint(i))
		}
	}
	again.WantEvent("b", "message", `"live"`)

	// Nothing was missed: no lastEvent, no gap, straight to what comes.
	quiet := srv.Subscribe("channels=a,b,never", "Last-Event-ID: "+again.LastID)
	quiet.WantRegistered()
	srv.Publish("never", `1`)
	quiet.WantEvent("never", "message", `1`)

	// Another set of channels may resume from the same place.
	other := srv.Subscribe("channels=other,never", "Last-Event-ID: "+ids[2])
	other.WantRegistered()
	other.WantEvent("other", "message", `5`)
	other.WantEvent("never", "message", `1`)

	all := srv.Subscribe("channels=a", "Last-Event-ID: "+epochOf(ids[0])+"-0")
	all.WantRegistered()
	all.WantEvent("a", "message", `0`)
	all.WantEvent("a", "message", `3`)
}

func TestResumeSpellings(t *testing.T) {
	srv := start(t)
	ids := srv.Publish("a", `1`, `2`, `3`)
	open := func(query string, header ...string) *webtest.Stream {
		t.Helper()
		st := srv.Subscribe("channels=a"+query, header...)
		st.WantRegistered()
		return st
	}
	for name, st := range map[string]*webtest.Stream{
		"header":                        open("", "Last-Event-ID: "+ids[1]),
		"lastEventId":                   open("&lastEventId=" + ids[1]),
		"last_event_id":                 open("&last_event_id=" + ids[1]),
		"both":                          open("&last_event_id=" + ids[1] + "&lastEventId=" + ids[1]),
		"header over query":             open("&lastEventId="+ids[0], "Last-Event-ID: "+ids[1]),
		"header over last_event_id":     open("&last_event_id="+ids[0], "Last-Event-ID: "+ids[1]),
		"query over a garbled header":   open("&lastEventId="+ids[1], "Last-Event-ID: garbled"),
		"query over an empty header":    open("&lastEventId="+ids[1], "Last-Event-ID: "),
		"a good query over a garbled":   open("&lastEventId=garbled&last_event_id=" + ids[1]),
		"an empty query is no position": open("&lastEventId=&last_event_id="+ids[0], "Last-Event-ID: "+ids[1]),
	} {
		if !st.Hello.Resumed || st.WantEvent("a", "message", `3`) != ids[2] {
			t.Errorf("%s: %+v at %s", name, st.Hello, st.LastID)
		}
	}
	for _, field := range []string{"lastEventId", "last_event_id"} {
		st := srv.Open("POST", "/subscribe", `{"channels":["a"],"`+field+`":"`+ids[1]+`"}`)
		if !st.WantRegistered().Resumed {
			t.Errorf("%s in a body is not a position", field)
		}
		st.WantEvent("a", "message", `3`)
	}
	st := srv.Open("POST", "/subscribe", `{"channels":["a"],"lastEventId":"`+ids[0]+`"}`, "Last-Event-ID: "+ids[1])
	st.WantRegistered()
	st.WantEvent("a", "message", `3`)

	// No position at all: a fresh start.
	for _, query := range []string{"", "&lastEventId=", "&last_event_id="} {
		st := open(query)
		if st.Hello.Resumed {
			t.Errorf("%q resumes", query)
		}
		st.WantLast("a", `{"type":"message","payload":3}`)
	}
}

func TestResumeFromNowhere(t *testing.T) {
	srv := start(t)
	id := srv.Publish("a", `1`, `2`)[1]
	epoch := epochOf(id)
	big := strings.Repeat("x", 10<<10)
	for asked, reason := range map[string]string{
		"former-2":                        "epoch",
		"NEW-0":                           "epoch",
		epoch + "x-1":                     "epoch",
		"former-18446744073709551615":     "epoch",
		epoch + "-3":                      "unknown", // in the future
		epoch + "-18446744073709551615":   "unknown",
		epoch + "-18446744073709551616":   "unknown", // 2^64
		epoch + "--1":                     "unknown",
		epoch + "-":                       "unknown",
		epoch + "-01":                     "unknown",
		epoch + "-+1":                     "unknown",
		epoch + "-1e0":                    "unknown",
		epoch + "-1 ":                     "unknown",
		epoch + "-0x1":                    "unknown",
		epoch:                             "unknown",
		"-1":                              "unknown",
		"1":                               "unknown",
		"a-b-1":                           "unknown",
		"garbled":                         "unknown",
		"a b-1":                           "unknown",
		"😀-1":                             "unknown",
		"é-1\u2028":                       "unknown",
		"\x00":                            "unknown",
		epoch + "-1\x00":                  "unknown",
		epoch + "-1\r\nevent: injected":   "unknown",
		"\x01\x02\"\\":                    "unknown",
		"null":                            "unknown",
		strings.Repeat("9", 200) + "-1":   "unknown",
		epoch + "-" + big:                 "unknown",
		big:                               "unknown",
		`{"after":"x"}` + "\n\ndata: x\n": "unknown",
	} {
		want := asked
		if len(want) > 256 {
			want = want[:256]
		}
		query := srv.Subscribe("channels=a,none&lastEventId=" + url.QueryEscape(asked))
		wantAfresh(t, query, want, reason)
		if strings.ContainsFunc(asked, func(r rune) bool { return r < ' ' }) || strings.TrimSpace(asked) != asked {
			continue // no such header
		}
		wantAfresh(t, srv.Subscribe("channels=a,none", "Last-Event-ID: "+asked), want, reason)
	}
	// A position that is not UTF-8 is repeated in readable form.
	wantAfresh(t, srv.Subscribe("channels=a,none&lastEventId=%ff"), "\uFFFD", "unknown")
}

// wantAfresh wants a fresh start with a gap for each channel, of which "none" is
// empty and "a" holds 2.
func wantAfresh(t *testing.T, st *webtest.Stream, asked, reason string) {
	t.Helper()
	if st.WantRegistered().Resumed {
		t.Errorf("%.50q resumed", asked)
	}
	st.WantGap("a", asked, reason)
	st.WantLast("a", `{"type":"message","payload":2}`)
	st.WantGap("none", asked, reason)
	st.WantLast("none", `{}`)
	st.Close()
}

// A server that was started anew knows the positions of its former life for what
// they are.
func TestResumeAfterRestart(t *testing.T) {
	before := start(t)
	st := subscribed(t, before, "", "a")
	before.Publish("a", `1`)
	st.WantEvent("a", "message", `1`)

	after := start(t)
	after.Publish("a", `"new"`)
	again := after.Subscribe("channels=a", "Last-Event-ID: "+st.LastID)
	again.WantRegistered()
	again.WantGap("a", st.LastID, "epoch")
	again.WantLast("a", `{"type":"message","payload":"new"}`)
}

// A stream that is cut between the gaps of a new epoch gets all of them when it reconnects with its last id.
func TestCutBetweenGaps(t *testing.T) {
	srv := start(t)
	srv.Publish("a", `"new"`)
	for _, asked := range []string{"former-7", epochOf(srv.Head()) + "-9", "garbled"} {
		reason := "unknown"
		if asked == "former-7" {
			reason = "epoch"
		}
		cut := srv.Subscribe("channels=a,b", "Last-Event-ID: "+asked)
		cut.WantRegistered()
		cut.WantGap("a", asked, reason)
		cut.Cut()
		if asked == "garbled" {
			asked = "unknown-0"
		}
		again := srv.Subscribe("channels=a,b", "Last-Event-ID: "+cut.LastID)
		again.WantRegistered()
		for _, name := range []string{"a", "b"} {
			again.WantGap(name, asked, reason)
			again.WantOwn("lastEvent", name)
		}
		if !srv.Subscribe("channels=a,b", "Last-Event-ID: "+again.LastID).WantRegistered().Resumed {
			t.Errorf("%s is no position of this log", again.LastID)
		}
	}
}

func TestResumeBehindWhatIsKept(t *testing.T) {
	srv := webtest.Start(t, web.Options{HistoryEvents: 3})
	start := srv.Head()
	ids := srv.Publish("a", `0`, `1`, `2`, `3`, `4`)
	srv.Publish("b", `"b"`)
	kept := func(st *webtest.Stream) {
		t.Helper()
		for _, i := range []string{"2", "3", "4"} {
			st.WantEvent("a", "message", i)
		}
		st.WantEvent("b", "message", `"b"`)
	}

	// At the edge nothing is lost.
	edge := srv.Subscribe("channels=b,a", "Last-Event-ID: "+ids[1])
	if !edge.WantRegistered().Resumed {
		t.Error("not resumed")
	}
	kept(edge)

	// One further back there is a gap for that channel, then what is kept.
	for _, after := range []string{ids[0], start} {
		gap := srv.Subscribe("channels=b,a", "Last-Event-ID: "+after)
		gap.WantRegistered()
		gap.WantGap("a", after, "evicted")
		if gap.LastID != after {
			t.Errorf("the gap is at %s, want %s: who drops here must hear of it again", gap.LastID, after)
		}
		kept(gap)
	}
}

func TestResumeWhereNothingIsKept(t *testing.T) {
	// The budget holds the big event alone.
	srv := webtest.Start(t, web.Options{HistoryBudget: 64 << 10})
	id := srv.Publish("a", `1`, `2`)[0]
	srv.Publish("big", `"`+strings.Repeat("x", 55<<10)+`"`, `"`+strings.Repeat("x", 55<<10)+`"`)
	st := srv.Subscribe("channels=a,b", "Last-Event-ID: "+id)
	st.WantRegistered()
	st.WantGap("a", id, "evicted")
	st.WantLast("a", `{}`)
	srv.Publish("b", `"live"`)
	st.WantEvent("b", "message", `"live"`)
	srv.Publish("a", `3`)
	st.WantEvent("a", "message", `3`)
}

// Clients come and go by every kind of end while a publisher goes on; each gets
// every event once, in order.
func TestResumeWhilePublishing(t *testing.T) {
	srv := webtest.Start(t, web.Options{Shards: 2})
	const total = 600
	st := subscribed(t, srv, "", "a", "b")
	published := make(chan struct{})
	go func() {
		defer close(published)
		for i := 0; i < total; i += 3 {
			body := fmt.Sprintf(`{"events":[{"channelName":"a","type":"t","payload":%d},{"channelName":"b","type":"t","payload":%d},{"channelName":"a","type":"t","payload":%d}]}`, i, i+1, i+2)
			if a := srv.For(t).Post("/publish", body); a.Status != 200 {
				t.Error(a.Body)
				return
			}
		}
	}()
	for i := range total {
		if i%7 == 6 {
			if i%2 == 0 {
				st.Close()
			} else {
				st.Cut()
			}
			again := srv.Subscribe("channels=a,b", "Last-Event-ID: "+st.LastID)
			again.WantRegistered()
			st = again
		}
		st.WantEvent([]string{"a", "b", "a"}[i%3], "t", strconv.Itoa(i))
	}
	<-published
}

// Fresh streams begin while a publisher continues: their start and the following events have no hole and no
// repetition.
func TestFreshStartWhilePublishing(t *testing.T) {
	srv := webtest.Start(t, web.Options{Shards: 2})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				srv.Post("/publish", fmt.Sprintf(`{"events":[{"channelName":"a","type":"t","payload":%d}]}`, i))
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 40 {
		st := srv.Subscribe("channels=a")
		st.WantRegistered()
		text := st.WantOwn("lastEvent", "a")
		last := 0
		if text != "{}" {
			if _, err := fmt.Sscanf(text, `{"type":"t","payload":%d}`, &last); err != nil {
				t.Fatal(text, err)
			}
		}
		for i := range 10 {
			st.WantEvent("a", "t", strconv.Itoa(last+1+i))
		}
		st.Close()
	}
}

// epochOf returns the epoch of a position.
func epochOf(id string) string { return id[:strings.LastIndexByte(id, '-')] }
