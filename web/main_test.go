package web_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rollcall/web"
	"rollcall/web/webtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // most of the time the tests wait for timers
		_ = flag.Set("test.parallel", "6")
	}
	goleak.VerifyTestMain(m)
}

// start runs a server with the defaults.
func start(t testing.TB) *webtest.Server {
	t.Helper()
	return webtest.Start(t, web.Options{})
}

// subscribed opens a fresh stream and reads its start, on channels without events.
func subscribed(t testing.TB, srv *webtest.Server, query string, channels ...string) *webtest.Stream {
	t.Helper()
	st := srv.Subscribe("channels=" + strings.Join(channels, ",") + "&" + query)
	st.WantRegistered()
	for _, name := range channels {
		st.WantLast(name, `{}`)
	}
	return st
}

// eventually asks again and again until the answer is true, with a pause, which leaves the processor to the server.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for begun := time.Now(); !ask(); <-pause.C {
		if time.Since(begun) > webtest.Patience {
			t.Fatalf("not so for %v: %s", webtest.Patience, what)
		}
	}
}

// names returns n channel names.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("c%d", i)
	}
	return list
}

// list returns n texts as a JSON list of strings.
func list(texts []string) string { return `["` + strings.Join(texts, `","`) + `"]` }

// jsonOf returns v as JSON that escapes no more than it must.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// chunked publishes a body without an announced length.
func chunked(t testing.TB, srv *webtest.Server, body string) *webtest.Answer {
	t.Helper()
	return srv.DoReader("POST", "/publish", struct{ io.Reader }{strings.NewReader(body)})
}
