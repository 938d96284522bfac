package web_test

import (
	"fmt"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// TestStreamsDoNotKeepTheRequest: what a stream keeps of its request, such as names of
// channels, does not hold the rest of the URL or body in memory.
func TestStreamsDoNotKeepTheRequest(t *testing.T) {
	const streams, most, pad = 100, 16 << 10, 24 << 10
	srv := webtest.Start(t, web.Options{})
	long := strings.Repeat("A", pad)
	get := func(target string) string { return "GET " + target + "&pad=" + long + " HTTP/1.1\nHost: x\n\n" }
	for name, head := range map[string]func(i int) string{
		"presence": func(i int) string { return get(fmt.Sprintf("/presence/stream?channels=x%d", i)) },
		"subscribe": func(i int) string {
			return get(fmt.Sprintf("/subscribe?channels=x%d&clientId=c%d&lastEventId=p", i, i))
		},
		"events":   func(i int) string { return get(fmt.Sprintf("/events?memberId=m%d&deviceId=d", i)) },
		"messages": func(i int) string { return get(fmt.Sprintf("/messages?room=r%d&user=u%d", i, i)) },
		"body": func(i int) string {
			body := fmt.Sprintf(`{"channels":["x%d"],"clientId":"c%d","pad":"%s"}`, i, i, long)
			return fmt.Sprintf("POST /subscribe HTTP/1.1\nHost: x\nContent-Length: %d\n\n%s", len(body), body)
		},
	} {
		open := func(i int) *webtest.Wire {
			w := srv.Dial()
			w.Send(head(i))
			w.WantLine("retry: ")
			return w
		}
		open(streams).Cut()
		before := heap()
		all := make([]*webtest.Wire, streams)
		for i := range all {
			all[i] = open(i)
		}
		if grown := heap() - before; grown > streams*most {
			t.Errorf("%s: %d streams whose URL has %d KiB keep %d KiB each", name, streams, pad>>10, grown/streams>>10)
		}
		for _, st := range all {
			st.Cut()
		}
		eventually(t, "the streams have ended", func() bool { return srv.Streams() == 0 })
	}
}

// TestListChannelsNeedsCredentials: without any there is nothing to see, and nothing
// is gathered.
func TestListChannelsNeedsCredentials(t *testing.T) {
	t.Parallel()
	closed := guard(t, func(o *web.Options) { o.Access.Anonymous = nil })
	closed.Get("/presence/channels").WantFault(401, "unauthorized", "")
	guard(t).Get("/presence/channels").WantStatus(200) // anonymous may see public.>
}
