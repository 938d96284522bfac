package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/html"
)

const clusterPassword = "correct-horse-9"

// seen is the admin UI of a server, as an operator sees it.
type seen struct {
	t      *testing.T
	client *http.Client
	base   string
}

// page returns the text of an element of a page by its id or data-testid.
func (s *seen) text(path, id string) string {
	s.t.Helper()
	text, ok := textOf(s.source(path), id)
	if !ok {
		s.t.Fatalf("%s has no %s", path, id)
	}
	return text
}

func textOf(page, id string) (text string, ok bool) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", false
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if (a.Key == "id" || a.Key == "data-testid" || a.Key == "data-node") && a.Val == id {
				return plain(n), true
			}
		}
	}
	return "", false
}

func plain(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (s *seen) source(path string) string {
	s.t.Helper()
	return ask(s.t, s.client, s.base+path, "", "Accept: text/html").want(s.t, http.StatusOK, "").body
}

// until waits until an element of a page matches a pattern.
func (s *seen) until(path, id, pattern string) {
	s.t.Helper()
	last := ""
	want := regexp.MustCompile(pattern)
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s: %s says %q", path, id, last)
		}
	}()
	until(s.t, fmt.Sprintf("%s of %s at %s matches %s", id, path, s.base, pattern), func() bool {
		last = s.text(path, id)
		return want.MatchString(last)
	})
}

// part is an element of a page, and a pattern of its text.
type part struct{ path, id, pattern string }

// untilAll is until for several pages at once, for what does not last.
func (s *seen) untilAll(parts ...part) {
	s.t.Helper()
	texts := make([]string, len(parts))
	defer func() {
		for i, p := range parts {
			if s.t.Failed() && texts[i] != "" {
				s.t.Logf("%s: %s says %q, want %s", p.path, p.id, texts[i], p.pattern)
			}
		}
	}()
	until(s.t, "all pages say what they should", func() bool {
		var reads sync.WaitGroup
		for i, p := range parts {
			if p.path == "" {
				continue
			}
			reads.Go(func() {
				answer, err := s.client.Get(s.base + p.path)
				if err != nil {
					texts[i] = err.Error()
					return
				}
				defer answer.Body.Close()
				page, err := io.ReadAll(answer.Body)
				if texts[i], _ = textOf(string(page), p.id); err == nil && regexp.MustCompile(p.pattern).MatchString(texts[i]) {
					parts[i], texts[i] = part{}, ""
				}
			})
		}
		reads.Wait()
		return !slices.ContainsFunc(parts, func(p part) bool { return p.path != "" })
	})
}

// act sends a form.
func (s *seen) act(path string, pairs ...string) {
	s.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	answer, err := s.client.PostForm(s.base+path, values)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 400 {
		s.t.Fatalf("%s: %s", path, answer.Status)
	}
}

// sessionOf returns the session of a server, from the form of the Servers page.
func (s *seen) sessionOf(name string) string {
	s.t.Helper()
	row := regexp.MustCompile(`(?s)data-node="` + name + `".*?</tr>`).FindString(s.source("/admin/nodes"))
	m := regexp.MustCompile(`name="session" value="([^"]+)"`).FindStringSubmatch(row)
	if m == nil {
		s.t.Fatalf("no session of %s in %.1000s", name, row)
	}
	return m[1]
}

// The admin UI of one server tells the truth about connections of the others: figures, positions, timeline, tap, audit,
// sums, draining. What a server does not answer is shown as unknown, never as 0.
func TestAdminOfACluster(t *testing.T) {
	t.Parallel()
	nodes, bases := newFleet(t, 1).nodes(3, "--presence-grace=1s", "--admin-user=root", "--admin-password-file="+newFile(t, "password", clusterPassword))
	east := &seen{t, logIn(t, bases[0], "root", clusterPassword), bases[0]}
	west := &seen{t, logIn(t, bases[1], "root", clusterPassword), bases[1]}
	client := patient(t)

	here := open(t, "/subscribe?channels=news&clientId=ada", bases[0])
	there := open(t, "/subscribe?channels=news&clientId=ada", bases[1])
	far := open(t, "/subscribe?channels=news&clientId=bob", bases[1])
	for _, s := range []*source{here, there, far} {
		s.until(t, "it is registered", func(all []sse) bool { return len(all) > 0 })
	}
	wantOn(t, client, bases, "ada", "n1", "n2")
	wantOn(t, client, bases, "bob", "n2")
	for i := range 3 {
		post(client, bases[2], event{Channel: "news", Type: "message", Payload: fmt.Sprint(i)})
	}
	far.until(t, "it has the events", func(all []sse) bool { return len(only(all, "message")) == 3 })

	t.Run("figures", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		east.until("/admin/clients/ada", "fig-events", `Events sent 6$`)
		east.until("/admin/clients/bob", "fig-events", `Events sent 3$`)
		east.until("/admin/clients/bob", "connections-rows", `live · HTTP/1.1 · n2 .*-3\b`)
		east.until("/admin/clients?sort=-events", "clients-rows", `^ada 2 .* 6 .*bob 1 .* 3 `)
		east.until("/admin", "fig-delivered", `9 in total`)
		east.until("/admin", "fig-servers", `Servers 3 all counted`)
	})
	t.Run("filter", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		east.until("/admin/clients?q=events:3+server:n2+channel:news", "clients-rows", `^ada 2 .*bob 1 `)
		east.until("/admin/clients?q=events:>3", "clients-rows", `^No client online matches`)
		east.until("/admin/clients?q=server:n3", "clients-rows", `^No client online matches`)
		east.until("/admin/clients?q=server:n4", "filter-problem", `no server has this name. The servers are n1, n2, n3.`)
	})
	t.Run("groups", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		east.until("/admin/clients?group=server", "groups-rows", `^n2 2 2 0 0 n1 1 1 0 0$`)
		east.until("/admin/clients?group=address&q=events:3", "groups-rows", `^127.0.0.1 2 3 0 0`)
	})
	t.Run("timeline", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		east.until("/admin/clients/bob", "timeline", `opened a connection connection \w+ on n2`)
		there.drop()
		east.until("/admin/clients/ada", "timeline", `resumed after \S+-3, got 0 events .* on n2`)
		west := &seen{t, west.client, west.base}
		west.until("/admin/clients/ada", "timeline", `opened a connection connection \w+ on n1`)
	})
	t.Run("send and audit", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		east.act("/admin/clients/ada/send", "type", "note", "payload", `"hello"`)
		east.until("/admin/audit", "audit-rows", `client.send ada note, Sent to 2 of 2 connections`)
		there.until(t, "it is told", func(all []sse) bool { return len(only(all, "note")) == 1 })
		west := &seen{t, west.client, west.base}
		west.until("/admin/audit", "audit-rows", `root 127.0.0.1 on n1 client.send ada`)
		west.until("/admin/clients/ada", "timeline", `was sent an event by root`)
	})
	t.Run("marked", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		values := url.Values{"do": {"message"}, "all": {"1"}, "q": {"channel:news"}}
		answer, err := east.client.PostForm(bases[0]+"/admin/marked", values)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.Header.Get("Location") == "" {
			t.Fatalf("marking answers %s", answer.Status)
		}
		to, err := answer.Request.URL.Parse(answer.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		east.until(to.RequestURI(), "marked-size", `^3 connections of 2 clients on 2 servers$`)
		east.act("/admin/marked/message", "s", to.Query().Get("s"), "type", "all", "payload", "1", "reason", "a test")
		east.until("/admin/audit", "audit-rows", `clients.message 3 connections of 2 clients on 2 servers Sent all to 3 of 3 connections: a test`)
		far.until(t, "it is told", func(all []sse) bool { return len(only(all, "all")) == 1 })
		csv := ask(t, east.client, bases[0]+"/admin/clients.csv?q=server:n2", "").want(t, http.StatusOK, "").body
		if !regexp.MustCompile(`(?m)^bob,.*,online,1,news,.*,n2,.*,\d+,\d+,0$`).MatchString(csv) {
			t.Errorf("the export is %s", csv)
		}
	})
	t.Run("period", func(t *testing.T) {
		east, west := &seen{t, east.client, east.base}, &seen{t, west.client, west.base}
		west.act("/admin/blocks/network", "network", "203.0.113.0/24", "for", "1h", "reason", "a test")
		west.act("/admin/clients/eve/block", "for", "1h")
		carl := open(t, "/subscribe?channels=side&clientId=carl", bases[1])
		carl.until(t, "it is registered", func(all []sse) bool { return len(all) > 0 })
		west.act("/admin/clients/carl/disconnect", "reason", "a test")
		for _, s := range []*seen{east, west} {
			s.until("/admin/period", "done", `n1 started .*n2 started .*n3 started `)
			s.until("/admin/period", "done", `203\.0\.113\.0/24 blocked by root .*eve blocked by root .*carl kicked by root`)
			s.until("/admin/period", "troubled", `^carl kicked$`)
			s.until("/admin/period", "fig-kicked", `Kicked 1$`)
			s.until("/admin/period", "happened", `carl `)
			s.until("/admin", "chart-clients", `n2 started.*203\.0\.113\.0/24 blocked by root`)
		}
		west.act("/admin/blocks/remove", "network", "203.0.113.0/24")
		east.until("/admin/period", "done", `203\.0\.113\.0/24 unblocked by root`)
	})
	t.Run("tap", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		request, err := http.NewRequest(http.MethodGet, bases[0]+"/admin/stream?page="+url.QueryEscape("/admin/clients/bob/tap"), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := east.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		found := make(chan bool)
		go func() {
			text, buffer := "", make([]byte, 1<<16)
			for {
				n, err := answer.Body.Read(buffer)
				if text += string(buffer[:n]); strings.Contains(text, "only for taps") {
					found <- !strings.Contains(text, "secret")
					return
				}
				if err != nil {
					found <- false
					return
				}
			}
		}()
		shown := make(chan struct{})
		go func() { // the tap begins some time after the page was opened
			defer close(shown)
			until(t, "the tap shows an event of another server", func() bool {
				post(client, bases[2], event{Channel: "news", Type: "message", Payload: "only for taps"})
				select {
				case ok := <-found:
					if !ok {
						t.Error("the tap has ended, or shows a secret")
					}
					return true
				default:
					return false
				}
			})
		}()
		<-shown
	})
	t.Run("sessions", func(t *testing.T) {
		east, north := &seen{t, east.client, east.base}, &seen{t, logIn(t, bases[2], "root", clusterPassword), bases[2]}
		east.until("/admin/sessions", "sessions-rows", `root operator this one .* n1 .* n3 `)
		row := regexp.MustCompile(`(?s)<tr id="session-[^>]*>(?:[^<]|<[^/]|</[^t]|</t[^r])*?<bdi[^>]*>n3</bdi>.*?name="session" value="(\w+)"`)
		id := row.FindStringSubmatch(east.source("/admin/sessions"))
		if id == nil {
			t.Fatalf("no session of n3 in %s", east.source("/admin/sessions"))
		}
		east.act("/admin/sessions/end", "session", id[1])
		ask(t, north.client, north.base+"/admin/clients", "", "Accept: text/html").want(t, http.StatusSeeOther, "")
		east.until("/admin/audit", "audit-rows", `session.end root at 127.0.0.1`)
	})
	t.Run("drain", func(t *testing.T) {
		east := &seen{t, east.client, east.base}
		session := east.sessionOf("n3")
		east.act("/admin/nodes/drain", "session", session, "rate", "7")
		east.until("/admin/nodes", "n3", `draining, 7 streams a second`)
		if got := ready(client, bases[2]); got != http.StatusServiceUnavailable {
			t.Errorf("/readyz of n3: %d", got)
		}
		west := &seen{t, west.client, west.base}
		west.until("/admin/clients", "notice", `The server n3 is draining`)
		west.until("/admin", "warnings", `Draining on n3`)
		west.until("/admin/alarms", "alarms-rows", `Draining .* n3 .* active`)
		away := regexp.MustCompile(`form="alarm-away" name="alarm" value="(\w+ \d+)"[^>]*aria-label="Put away for 1 h: Draining"`).FindStringSubmatch(west.source("/admin/alarms"))
		if away == nil {
			t.Fatalf("no alarm of n3 can be put away in %s", west.source("/admin/alarms"))
		}
		west.act("/admin/alarms/away", "alarm", away[1])
		east.until("/admin/alarms", "alarms-rows", `Draining .* n3 .* put away by root`)
		east.until("/admin/audit", "audit-rows", `alarm.away draining Draining on n3, for 1 h`)
		east.act("/admin/nodes/drain/stop", "session", session)
		east.until("/admin/nodes", "n3", `ready`)
		west.until("/admin/audit", "audit-rows", `server.drain n3 7 a second`)
	})
	t.Run("slow and flapping", func(t *testing.T) {
		for i := range 3 { // too few on each server
			for _, base := range bases[:2] {
				for _, query := range []string{"clientId=flip", "clientId=late&lastEventId=gone-1"} {
					s := open(t, fmt.Sprint("/subscribe?channels=news&n=", i, "&", query), base)
					s.close()
				}
			}
		}
		east := &seen{t, east.client, east.base}
		east.until("/admin/slow", "flapping-rows", `^(late 6 6 6 .* UTC )?flip 6 6 6 `)
		north := &seen{t, logIn(t, bases[2], "root", clusterPassword), bases[2]}
		north.until("/admin/slow?range=24h", "slow-rows", `^late 0 6 0 `)
		north.until("/admin/slow?range=24h", "slow-notes", `^What happened to connections is remembered since .* UTC by n3, .* UTC by n`)
	})
	t.Run("a server that does not answer", func(t *testing.T) {
		if err := nodes[1].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Skip(err)
		}
		defer func() { _ = nodes[1].cmd.Process.Signal(syscall.SIGCONT) }()
		south := &seen{t, logIn(t, bases[2], "root", clusterPassword), bases[2]} // which knows nothing of n2 yet
		south.untilAll(
			part{"/admin/clients/bob", "fig-events", `Events sent –`},
			part{"/admin/clients/bob", "connections-rows", `unknown · HTTP/1.1 · n2`},
			part{"/admin/clients?q=is:behind", "filter-note", `No answer from n2: connections there are missing here.`},
			part{"/admin", "fig-servers", `not counted: n2`},
			part{"/admin/period", "period-notes", `Without what these servers remember, which do not answer: n2\.`},
			part{"/admin/slow", "slow-silent", `^Not in the lists: what happened to connections of n2, which has not answered.$`},
			part{"/admin/slow", "slow-rows", `^late 0 3 0 `},
			part{"/admin/nodes", "n2", `figures unknown|no sign of life`},
		) // within the time after which n2 counts as gone
	})
}
