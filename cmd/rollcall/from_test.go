package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	gosse "github.com/tmaxmax/go-sse"
)

// firstEvents reads the first n events of a stream, each as its id, type and data.
func firstEvents(t *testing.T, client *http.Client, url, lastID string, n int) (list []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	gosse.Read(answer.Body, &gosse.ReadConfig{MaxEventSize: maxSSEEvent})(func(ev gosse.Event, err error) bool {
		if err != nil {
			t.Fatalf("%s: after %d events: %v", url, len(list), err)
		}
		if ev.Type != "" {
			list = append(list, ev.LastEventID+" "+ev.Type+" "+ev.Data)
		}
		return len(list) < n
	})
	return list
}

// Streams begin at the requested start and in the requested format, with each store, even with events that only the
// store has.
func TestFromAndFormatWithEachStore(t *testing.T) {
	t.Parallel()
	const events, size = 300, 8 << 10
	keep := []string{"--history-events=1000", "--history-bytes=8MiB"}
	little := slices.Concat(keep, []string{"--history-budget=1MiB"}) // in memory; the stores keep all
	nodes := map[string]func(t *testing.T) *node{
		"memory": func(t *testing.T) *node { return newNode(t, keep...) },
		"data": func(t *testing.T) *node {
			return newNode(t, slices.Concat(little, []string{"--data=" + filepath.Join(t.TempDir(), "data")})...)
		},
		"nats": func(t *testing.T) *node { return newFleet(t, 1).node("n1", little...) },
	}
	for name, start := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, client := start(t), patient(t)
			until(t, "it is ready", func() bool { return ready(client, n.url) == http.StatusOK })
			first := post(client, n.url, event{Channel: "quiet", Type: "note", Payload: "early"})
			if first.Status != http.StatusOK {
				t.Fatalf("publish: %+v", first)
			}
			quiet := first.Events[0].ID
			var ids []string
			payload := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", size)) }
			for i := range events {
				p := post(client, n.url, event{Channel: "busy", Type: "message", Payload: payload(i)})
				if p.Status != http.StatusOK {
					t.Fatalf("publish: %+v", p)
				}
				ids = append(ids, p.Events[0].ID)
			}
			raw := []string{quiet + " note early"}
			for i, id := range ids {
				raw = append(raw, id+" message "+payload(i))
			}
			want := func(target, lastID string, want ...string) {
				t.Helper()
				got := firstEvents(t, client, n.url+"/subscribe?channels=busy,quiet&"+target, lastID, len(want))
				for i := range want {
					if i < len(got) && !strings.HasPrefix(got[i], want[i]) {
						t.Fatalf("%s: event %d is %.200s, want %.200s", target, i, got[i], want[i])
					}
				}
			}
			want("format=raw&from=oldest", "", raw...)
			want("format=raw&from=last", "", raw[0], raw[events])
			want("format=raw&from=last", ids[events/2], raw[events/2+2:]...)
			want("format=raw", quiet, raw[1:]...)
			head := ids[events-1]
			begin := quiet[:strings.LastIndexByte(quiet, '-')]
			want("format=json", "", head+` registered {"type":"registered","payload":{`,
				head+` lastEvent {"channelName":"busy","type":"lastEvent","payload":{"type":"message","payload":"299xx`,
				head+` lastEvent {"channelName":"quiet","type":"lastEvent","payload":{"type":"note","payload":"early","id":"`+quiet+`","timestamp":"2`)
			want("format=json&from=last", begin+"x-7", begin+"x-7 registered ", begin+"x-7 gap ", // not told of all yet
				begin+"-", quiet+" note ", head+" message ")
			gaps := firstEvents(t, client, n.url+"/subscribe?channels=busy&format=json&lastEventId=other-7", "", 3)
			if len(gaps) != 3 || !strings.HasSuffix(gaps[1], `"type":"gap","payload":{"after":"other-7","reason":"epoch"}}`) {
				t.Errorf("the stream begins with %.300q", gaps)
			}
			// After a restart too.
			if name != "memory" {
				n.signal(syscall.SIGKILL)
				n.wantExit(-1)
				n.again()
				until(t, "it is ready again", func() bool { return ready(client, n.url) == http.StatusOK })
				want("format=raw&from=oldest", "", raw...)
				want("format=raw&from=last", "", raw[0], raw[events])
				want("format=raw&from=now", quiet, raw[1:]...)
			}
		})
	}
}

// The command prints what a stream begins with, and payloads alone.
func TestSubscribeFromAndFormat(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	for _, text := range []string{"one", "two\nlines", ""} {
		p.publish("log", "message", text)
	}
	p.publish("numbers", "message", "1")
	r := p.start("subscribe", "log", "--from=oldest", "--format=raw", "--count=4")
	for _, line := range []string{"one", "two", "lines", ""} {
		if got := r.want(""); got != line {
			t.Errorf("it printed %q, want %q", got, line)
		}
	}
	p.publish("log", "message", "live")
	if got := r.want(""); got != "live" {
		t.Errorf("it printed %q", got)
	}
	r.wantEnd(0)
	r = p.start("subscribe", "log", "numbers", "--from=last", "--format=json", "--json", "--count=2")
	r.wantEvent("registered")
	if e := r.wantEvent("message"); string(e.Payload) != `"live"` && string(e.Payload) != `"1"` {
		t.Errorf("it printed %+v", e)
	}
	r.wantEvent("message")
	r.wantEnd(0)
	p.cli("subscribe", "log", "--from=first").wantEnd(t, 2, `"first" is unknown; allowed is oldest, last, now`)
	p.cli("subscribe", "log", "--format=xml").wantEnd(t, 2, `"xml" is unknown; allowed is json, raw`)
	p.cli("subscribe", "log", "--format=raw", "--json").wantEnd(t, 2, "raw prints payloads alone")
}

// A goodbye in JSON is understood as that in a string is.
func TestSubscribeInJSONIsSentAway(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	for _, format := range []string{"json", "raw"} {
		r := p.start("subscribe", "news", "--client-id="+format, "--format="+format)
		until(t, "it is there", func() bool { return p.cli("client", format).code == 0 })
		p.cli("kick", format).wantEnd(t, 0, "")
		for r.lines.Scan() { // its last line is the goodbye, or nothing
		}
		r.wantEnd(1)
	}
}
