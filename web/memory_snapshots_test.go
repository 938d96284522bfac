package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// crowd has some clients with an info of 1 KiB on the same channels.
func crowd(t *testing.T, srv *webtest.Server, clients, channels int) (names []string) {
	t.Helper()
	for i := range channels {
		names = append(names, fmt.Sprint("c", i))
	}
	info := url.QueryEscape(`{"x":"` + strings.Repeat("x", 1000) + `"}`)
	for i := range clients {
		subscribed(t, srv, fmt.Sprintf("clientId=u%d&info=%s", i, info), names...)
	}
	return names
}

// A stream with the members of very many channels gets all of them in steps, and the changes meanwhile.
func TestMemberSnapshotsInSteps(t *testing.T) {
	const clients, channels = 10, 600
	srv := webtest.Start(t, web.Options{})
	names := crowd(t, srv, clients, channels)
	st := subscribed(t, srv, "clientId=asker&presence=channels", names...)
	begun := make(map[string]bool)
	for len(begun) < channels {
		ev, m := st.Next()
		if ev.Type != "presence" {
			continue
		}
		text := string(m.Payload)
		if n := strings.Count(text, "clientId"); begun[m.Channel] || n != clients+1 || !strings.HasPrefix(text, `"{\"action\":\"snapshot\"`) {
			t.Fatalf("%s has %d members: %.100s", m.Channel, n, text)
		}
		begun[m.Channel] = true
	}
	subscribed(t, srv, "clientId=late", names[channels-1])
	if got := st.WantOwn("presence", names[channels-1]); got != `{"action":"join","member":{"clientId":"late","info":null}}` {
		t.Error(got)
	}
}

// A snapshot of several channels has a limit: a larger presence stream ends with a goodbye.
func TestPresenceStreamTooLarge(t *testing.T) {
	srv := webtest.Start(t, web.Options{})
	names := crowd(t, srv, 20, 900)
	for _, part := range [][]string{names[:500], names} {
		st := srv.Open("GET", "/presence/stream?channels="+strings.Join(part, ","), "")
		ev, _ := st.Next()
		if len(part) == len(names) {
			if ev.Type != "goodbye" || !strings.Contains(ev.Data, `\"code\":\"limit\"`) {
				t.Errorf("%.300s", ev.Data)
			}
			st.WantEnd()
		} else if ev.Type != "snapshot" || strings.Count(ev.Data, `"clientId"`) != 20*len(part) {
			t.Errorf("%.100s", ev.Data)
		}
	}
}
