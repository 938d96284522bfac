package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// A crowd that comes at once asks no faster than the rate. The others get a goodbye with a time to come back, and the
// server takes them then.
func TestAuthorizeStorm(t *testing.T) {
	t.Parallel()
	const crowd, rate = 120, 10
	sessions := map[string]string{}
	for i := range crowd {
		sessions[fmt.Sprint("s", i)] = annsAnswer
	}
	p := startApp(t, sessions)
	g := p.asks(t, rate)
	open := make([]*webtest.Stream, crowd)
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() { open[i] = g.Open("GET", "/subscribe?channels=room.a", "", session(fmt.Sprint("s", i))) })
	}
	wg.Wait()
	in, away := 0, 0
	for _, st := range open {
		ev, err := st.Parser.Next()
		switch {
		case err != nil:
			t.Fatal(err)
		case ev.Type == "registered":
			in++
		case ev.Type == "goodbye" && strings.Contains(ev.Data, "overloaded") && st.Retry >= time.Second:
			away++
		default:
			t.Errorf("a stream begins with %q", ev)
		}
	}
	asked := len(p.questions())
	t.Logf("%d of %d are in after %d questions", in, crowd, asked)
	if in == 0 || away == 0 || asked != in {
		t.Errorf("%d are in, %d are sent away, %d questions", in, away, asked)
	}
}

// Concurrent equal requests share a question, and each gets its own stream.
func TestAuthorizeOneQuestionForMany(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer})
	p.release, p.control = make(chan struct{}), "max-age=60" // for tabs that come later
	g := p.asks(t, 0)
	const tabs = 20
	open := make([]*webtest.Stream, tabs)
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() { open[i] = g.Open("GET", "/subscribe?channels=room.a", "", session("s1")) })
	}
	eventually(t, "all tabs are connected", func() bool { return g.Connections() >= tabs })
	close(p.release)
	wg.Wait()
	seen := map[string]bool{}
	for _, st := range open {
		hello := st.WantRegistered()
		if hello.ClientID != "ann" || seen[hello.ConnectionID] {
			t.Errorf("a tab is %+v", hello)
		}
		seen[hello.ConnectionID] = true
	}
	if n := len(p.questions()); n != 1 {
		t.Errorf("%d questions for %d tabs", n, tabs)
	}
}

// An address that may open so many streams a second causes no more questions than that.
func TestAuthorizeCountsAgainstTheAddress(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{})
	g := p.asks(t, 0, func(o *web.Options) { o.AddressLimits = auth.Limits{ConnectsPerSecond: 1} })
	limited := 0
	for i := range 20 {
		a := g.Get("/history?channel=room.a", session(fmt.Sprint("guess", i)))
		if a.Status == http.StatusTooManyRequests {
			a.WantFault(429, "too_many_connects", "")
			limited++
		}
	}
	if asked := len(p.questions()); limited == 0 || asked+limited != 20 {
		t.Errorf("%d questions and %d refusals for 20 guesses", asked, limited)
	}
}

// The numbers of the questions are metrics, and a row of the admin UI's page Server.
func TestAuthorizeNumbers(t *testing.T) {
	t.Parallel()
	p := startApp(t, map[string]string{"s1": annsAnswer, "s2": "403", "s3": "500"})
	p.control = "max-age=60"
	g := p.asks(t, 0, func(o *web.Options) { *o = withAdmins(*o) })
	for _, name := range []string{"s1", "s1", "s1", "s2", "s3"} {
		g.Get("/history?channel=room.a", session(name))
	}
	text := g.Get("/metrics", g.root).WantStatus(200).Body
	for _, line := range []string{
		`rollcall_authorize_requests_total{result="admitted"} 1`, `rollcall_authorize_requests_total{result="refused"} 1`,
		`rollcall_authorize_requests_total{result="failed"} 1`, `rollcall_authorize_requests_total{result="remembered"} 2`,
		`rollcall_authorize_requests_total{result="busy"} 0`, `rollcall_authorize_failing 1`, `rollcall_authorize_seconds_count 3`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	viewer(t, g.Server).get("/admin/server").wantText("facts-access", "3: 1 let in, 1 refused, 1 failed").wantText("facts-access", "2 known, 0 too many at once")
}
