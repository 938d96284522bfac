package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"rollcall/web"
	"rollcall/web/webtest"
)

// FuzzPublish posts any body. None is answered with a 5xx; a refused one appends
// nothing; of an accepted one every event is on the stream, in order, under the
// id that the publisher was given, with the payload that was sent.
func FuzzPublish(f *testing.F) {
	for _, payload := range payloads {
		if len(payload) < 1000 {
			f.Add(`{"events":[{"channelName":"c","type":"t","payload":` + payload + `}]}`)
		}
	}
	for _, body := range []string{
		"", "{}", `{"events":null}`, `{"events":[]}`, `{"events":[],"events":[{"channelName":"a","type":"t","payload":1}]}`,
		`{"events":[{"channelName":"a","type":"t","payload":1}],"events":null}`,
		`{"events":[{"channelName":"a","type":"t","payload":1},{"channelName":"b","type":"u","payload":{},"idempotencyKey":"k"},{"channelName":"b","type":"u","payload":2,"idempotencyKey":"k"}]}`,
		`{"events":[{"channelName":"a","type":"t","payload":1},{"channelName":"a","type":"gap","payload":1}]}`,
		`{"events":[{"channelName":"a","type":"t","payload":1,"payload":2,"type":"u","channelName":"b"}]}`,
		`{"events":[{"channelName":" a","type":"t","payload":1}]}`, `{"events":[{"channelName":"a.*.b","type":"t","payload":1}]}`,
		`{"events":[{"channelName":"a\u0000","type":"t","payload":1}]}`, `{"events":[{"channelName":"\ud83d\ude00","type":"\u2028","payload":1}]}`,
		"{\"events\":[{\"channelName\":\"a\",\"type\":\"t\",\"payload\":\"\xff\"}]}", `{"Events":[{"channelName":"a","type":"t","payload":1}]}`, `{"events":[`,
	} {
		f.Add(body)
	}
	shared := webtest.Start(f, web.Options{HistoryEvents: 10_000, HistoryBytes: 8 << 20})
	f.Fuzz(func(t *testing.T, body string) {
		srv := shared.For(t)
		before := srv.Head()
		a := srv.Post("/publish", body)
		after := srv.Head()
		if a.Status != http.StatusOK {
			if a.Status >= 500 || after != before {
				t.Fatalf("status %d, the head went from %s to %s", a.Status, before, after)
			}
			if a.Status != 400 && a.Status != 413 {
				t.Fatalf("status %d", a.Status)
			}
			return
		}
		var got struct {
			Events []struct {
				ChannelName, ID string
				Duplicate       bool
			}
		}
		a.Into(&got)
		sent := decodeBatch(t, body)
		if len(got.Events) != len(sent) {
			t.Fatalf("%d results for %d events", len(got.Events), len(sent))
		}
		var channels []string
		seq := seqOf(t, before)
		for i, r := range got.Events {
			if r.ChannelName != sent[i].channel {
				t.Fatalf("event %d is on %q, was sent to %q", i, r.ChannelName, sent[i].channel)
			}
			channels = append(channels, r.ChannelName)
			if !r.Duplicate {
				if seq++; r.ID != epochOf(before)+"-"+strconv.FormatUint(seq, 10) {
					t.Fatalf("event %d has id %s in a batch after %s", i, r.ID, before)
				}
			} else if seqOf(t, r.ID) > seq {
				t.Fatalf("event %d is a duplicate of %s, which comes later", i, r.ID)
			}
		}
		if seqOf(t, after) != seq {
			t.Fatalf("the head is %s, want %d", after, seq)
		}
		if len(channels) == 0 {
			return
		}
		st := srv.Open("POST", "/subscribe", jsonOf(t, map[string]any{"channels": channels, "lastEventId": before}))
		defer st.Cut()
		if !st.WantRegistered().Resumed {
			t.Fatal("not resumed")
		}
		for i, r := range got.Events {
			if !r.Duplicate {
				if id := st.WantEvent(sent[i].channel, sent[i].typ, sent[i].payload); id != r.ID {
					t.Fatalf("event %d comes as %s, was published as %s", i, id, r.ID)
				}
			}
		}
	})
}

type sentEvent struct{ channel, typ, payload string }

// decodeBatch reads a batch that the server has accepted, in another way than it:
// of repeated names the last counts.
func decodeBatch(t *testing.T, body string) (sent []sentEvent) {
	t.Helper()
	var top map[string]json.RawMessage
	var events []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &top); err != nil {
		t.Fatalf("accepted, but: %v", err)
	}
	if list, ok := top["events"]; ok {
		if err := json.Unmarshal(list, &events); err != nil {
			t.Fatalf("accepted, but: %v", err)
		}
	}
	for _, ev := range events {
		var s sentEvent
		for name, to := range map[string]*string{"channelName": &s.channel, "type": &s.typ} {
			if err := json.Unmarshal(ev[name], to); err != nil {
				t.Fatalf("accepted, but %s: %v", name, err)
			}
		}
		s.payload = string(ev["payload"])
		sent = append(sent, s)
	}
	return sent
}

func seqOf(t *testing.T, id string) uint64 {
	t.Helper()
	seq, err := strconv.ParseUint(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// FuzzSubscribeQuery requests a stream with any query. The answer is a permanent error, or a stream that begins as it
// must.
func FuzzSubscribeQuery(f *testing.F) {
	for _, query := range []string{
		"", "channels=a", "channels=a,b,a&channel=c", "channels=a%2Cb&clientId=u&presence=online,channels&info=%7B%22a%22%3A1%7D", "channels=a&lastEventId=x-1&last_event_id=y",
		"channels=%", "channels=a;b", "channels=%ff", "channels=%00", "channels=*", "channels=a.%3E", "channels=$x", "channels=+a", "channels=a&clientId=%0a", "channels=a&info=1",
		"channels=a&presence=x", "channels=,", "channels", "channels=a&channels", "&&channels=a&=&", "channels=%F0%9F%98%80", "Channels=a", "channels=a#b", "channels=a&info={}&clientId=%22",
	} {
		f.Add(query)
	}
	shared := webtest.Start(f, web.Options{})
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }) || !utf8.ValidString(query) || len(query) > 30<<10 {
			return // no request line can hold it
		}
		srv := shared.For(t)
		w := srv.Dial()
		defer w.Cut()
		w.Send("GET /subscribe?" + query + " HTTP/1.0\nHost: x\n\n")
		status := w.WantLine("HTTP/1.0 ")
		q, bad := url.ParseQuery(query)
		switch status[len("HTTP/1.0 "):][:3] {
		case "400":
		case "200":
			w.WantLine("retry: 3000")
			w.WantLine("id: ")
			if line := w.WantLine("event: "); line != "event: registered" {
				t.Fatal(line)
			}
			if bad != nil || len(q["channels"])+len(q["channel"]) == 0 {
				t.Fatalf("a stream for %q, %v", q, bad)
			}
		default:
			t.Fatal(status)
		}
	})
}

// positionForm is a position, as the contract describes it.
var positionForm = regexp.MustCompile(`^([A-Za-z0-9._]+)-(0|[1-9][0-9]*)$`)

// FuzzResumeID comes back with any last id, in the header and in the query. The
// answer is always a stream: exact, with a gap, or afresh.
func FuzzResumeID(f *testing.F) {
	shared := webtest.Start(f, web.Options{})
	ids := shared.Publish("a", `1`, `2`, `3`)
	epoch := epochOf(ids[0])
	for _, id := range []string{
		"", "EPOCH-0", "EPOCH-1", "EPOCH-2", "EPOCH-3", "EPOCH-4", "EPOCH-18446744073709551615", "EPOCH-18446744073709551616", "EPOCH--1", "EPOCH-01", "EPOCH-+1", "EPOCH- 1", "EPOCH",
		"other-1", "new-0", "new-7", "-", "a-b-1", "\x00", "EPOCH-1\x00", "EPOCH-1\n", "é-1", "\xff", strings.Repeat("9", 127) + "-1", strings.Repeat("x", 126) + "-1", strings.Repeat("x", 10<<10),
	} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 20<<10 {
			return
		}
		srv := shared.For(t)
		asked := strings.ReplaceAll(text, "EPOCH", epoch)
		streams := []*webtest.Stream{srv.Subscribe("channels=a,none&lastEventId=" + url.QueryEscape(asked))}
		if !strings.ContainsFunc(asked, func(r rune) bool { return r < ' ' || r == 0x7f }) && strings.TrimSpace(asked) == asked && utf8.ValidString(asked) {
			streams = append(streams, srv.Subscribe("channels=a,none", "Last-Event-ID: "+asked))
		}
		form := positionForm.FindStringSubmatch(asked)
		seq := uint64(0)
		err := error(nil)
		if form != nil && len(asked) <= 128 {
			if seq, err = strconv.ParseUint(form[2], 10, 64); err != nil {
				form = nil
			}
		} else {
			form = nil
		}
		for _, st := range streams {
			resumed := st.WantRegistered().Resumed
			if want := form != nil && form[1] == epoch && seq <= 3; resumed != want {
				t.Fatalf("resumed is %t for %.200q at head 3", resumed, asked)
			}
			if resumed {
				for i := seq; i < 3; i++ {
					st.WantEvent("a", "message", strconv.FormatUint(i+1, 10))
				}
				st.Cut()
				continue
			}
			gap := asked != "" && (form == nil || form[1] != "new")
			for _, told := range [][2]string{{"a", `{"type":"message","payload":3}`}, {"none", `{}`}} {
				if gap {
					reason := "unknown"
					if form != nil && form[1] != epoch {
						reason = "epoch"
					}
					if text := st.WantOwn("gap", told[0]); !strings.HasSuffix(text, `,"reason":"`+reason+`"}`) {
						t.Fatalf("gap %.300s for %.200q, want reason %s", text, asked, reason)
					}
				}
				st.WantLast(told[0], told[1])
			}
			st.Cut()
		}
	})
}
