package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// follow opens a page of the server that follows it with /rollcall.js, as rollcall, and keeps what it hears.
func (b *tab) follow(url, options string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url + "/healthz"))
	b.run(fmt.Sprintf(`
		window.heard = []; window.firsts = []; window.gaps = 0; window.errors = [];
		import("/rollcall.js").then(({ Rollcall }) => {
			window.rollcall = new Rollcall(location.origin, %s);
			rollcall.on("message", ({ channel, type, id, payload, timestamp }) =>
				heard.push({ type, id, data: JSON.stringify({ channelName: channel, type, payload, timestamp }) }));
			rollcall.on("lastEvent", ({ channel, id }) => firsts.push(channel + " " + id));
			rollcall.on("gap", () => gaps++);
			rollcall.onError((error) => errors.push(error));
		})`, options))
	b.want(`window.rollcall?.state.state === "live"`)
}

// lifecycle freezes the page, as browsers do with those in the background, or makes it active again.
func (b *tab) lifecycle(state page.SetWebLifecycleStateState) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return err
	}))
}

// connections returns how many streams a client has that is online.
func (s *server) connections(clientID string) int {
	s.t.Helper()
	var client struct{ Connections []any }
	if err := s.ask(http.MethodGet, "/presence/clients/"+neturl.PathEscape(clientID), nil, http.StatusOK, &client); err != nil {
		s.t.Fatal(err)
	}
	return len(client.Connections)
}

// wantConnections waits until a client has so many streams.
func (s *server) wantConnections(clientID string, want int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s has %d streams", clientID, want), func() bool { return s.connections(clientID) == want })
}

// wantOn waits until a client is on these channels and no others.
func (s *server) wantOn(clientID string, channels ...string) {
	s.t.Helper()
	var client struct{ Channels []string }
	eventually(s.t, fmt.Sprintf("%s is on %q", clientID, channels), func() bool {
		if err := s.ask(http.MethodGet, "/presence/clients/"+neturl.PathEscape(clientID), nil, http.StatusOK, &client); err != nil {
			s.t.Fatal(err)
		}
		return slices.Equal(client.Channels, channels)
	})
}

// wantHeard waits for the last of the events and checks that the page heard all of them, once and in order. The page may
// be hidden: it is asked again and again, since it draws nothing.
func (b *tab) wantHeard(want []event) {
	b.t.Helper()
	last := fmt.Sprintf("heard.at(-1)?.id === %q", want[len(want)-1].ID)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Log(b.look())
		}
	})
	eventually(b.t, last, func() bool { return value[bool](b, last) })
	wantExactly(b.t, value[[]heard](b, "heard"), want)
	if value[int](b, "gaps") != 0 {
		b.t.Error("the page was told of a gap")
	}
}

// TestModuleSharesAStream has eight tabs, of which HTTP/1.1 would let six listen.
func TestModuleSharesAStream(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=2s")
	log := &ledger{server: srv}
	tabs := []*tab{newTab(t)}
	tabs[0].follow(srv.url(""), `{ channels: ["a"], clientId: "ada", presence: "channels" }`)
	for range 7 {
		other, _ := tabs[0].another()
		other.follow(srv.url(""), `{ channels: ["a"], clientId: "ada", presence: "channels" }`)
		tabs = append(tabs, other)
	}
	for _, b := range tabs {
		b.want(`firsts.length === 1`)
	}
	log.publish(event{Channel: "a", Type: "message", Payload: "to all"}, event{Channel: "a", Type: "message", Payload: nil})
	for _, b := range tabs {
		b.wantHeard(log.all())
	}
	srv.wantConnections("ada", 1)

	// All pages see joins and leaves.
	guest := newTab(t)
	guest.follow(srv.url(""), `{ channels: ["a"], clientId: "bob", info: { name: "Bob" }, leave: "now" }`)
	for _, b := range tabs {
		b.want(`JSON.stringify([...rollcall.members("a")].sort()) === '[["ada",null],["bob",{"name":"Bob"}]]'`)
	}
	guest.do(chromedp.Navigate("about:blank"))
	for _, b := range tabs {
		b.want(`[...rollcall.members("a").keys()].join() === "ada"`) // long before the grace is over
		b.wantQuiet(true)                                            // there is no icon
	}

	// A channel comes and goes.
	log.publish(event{Channel: "b", Type: "message", Payload: "before"})
	tabs[7].run(`rollcall.add("b")`)
	tabs[7].want(`firsts.length === 2`)
	srv.wantConnections("ada", 1)
	log.publish(event{Channel: "b", Type: "message", Payload: "1"}, event{Channel: "a", Type: "message", Payload: "2"})
	all := log.all()
	tabs[7].wantHeard([]event{all[0], all[1], all[3], all[4]})
	tabs[0].wantHeard([]event{all[0], all[1], all[4]})
	tabs[7].run(`rollcall.remove("b")`)
	srv.wantOn("ada", "a")
	log.publish(event{Channel: "b", Type: "message", Payload: "3"}, event{Channel: "a", Type: "message", Payload: "4"})
	all = log.all()
	tabs[7].wantHeard([]event{all[0], all[1], all[3], all[4], all[6]})
}

// TestModuleTakesOver ends one leader after the other while events come: the tabs that are left lose and repeat nothing.
func TestModuleTakesOver(t *testing.T) {
	t.Parallel()
	srv := startServer(t, roomy...)
	net := startProxy(t, srv.addr)
	log := &ledger{server: srv}
	const options = `{ channels: ["a", "b"], clientId: "ada" }`
	first := newTab(t)
	first.follow(net.url(""), options)
	tabs := []*tab{first}
	var closing []func()
	for range 4 {
		other, leave := first.another()
		other.follow(net.url(""), options)
		tabs, closing = append(tabs, other), append(closing, leave)
	}
	for _, b := range tabs {
		b.want(`firsts.length === 2`)
	}
	stop := log.keepPublishing("a", "b")
	// news waits until a tab has heard what was published until now.
	news := func(b *tab) {
		log.publish(event{Channel: "a", Type: "message", Payload: "news"})
		all := log.all()
		b.want(fmt.Sprintf("heard.some(({ id }) => id === %q)", all[len(all)-1].ID))
	}
	last := tabs[4]
	news(last)
	first.do(chromedp.Navigate("about:blank")) // the first tab leads; the others queue in their order
	news(last)
	net.cut(rst)
	news(last)
	closing[0]()
	news(last)
	tabs[2].lifecycle("frozen")
	news(last)
	srv.wantConnections("ada", 1)
	tabs[2].lifecycle("active")
	stop()
	for _, b := range tabs[2:] {
		b.wantHeard(log.all())
	}
}

// TestModuleComesBack refuses the stream in the ways that end an EventSource.
func TestModuleComesBack(t *testing.T) {
	t.Parallel()
	srv := startServer(t, roomy...)
	log := &ledger{server: srv}
	target, _ := neturl.Parse(srv.url(""))
	pass := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = target.Host; r.Out.Header.Del("Origin") }}
	var status atomic.Int32
	ends := make(chan struct{}, 1)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := int(status.Load())
		if code == 401 && r.URL.Query().Get("access_token") != "" {
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "access_token=new", "")
			code = 0
		}
		if r.URL.Path != "/subscribe" || code == 0 {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			if r.URL.Path == "/subscribe" {
				go func() {
					select {
					case <-ends:
						cancel()
					case <-ctx.Done():
					}
				}()
			}
			pass.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "made_up", "message": "Not now."}})
	}))
	t.Cleanup(front.Close)
	b := newTab(t)
	b.follow(front.URL, `{ channels: ["a"], clientId: "ada", token: () => window.token }`)
	log.publish(event{Channel: "a", Type: "message", Payload: 1})
	b.wantHeard(log.all())
	for n, code := range []int{503, 401} {
		status.Store(int32(code))
		ends <- struct{}{}
		b.want(fmt.Sprintf("errors.some(({ status, code }) => status === %d && code === 'made_up')", code))
		b.want(`rollcall.state.state === "waiting" && rollcall.state.reason === "Not now."`)
		log.publish(event{Channel: "a", Type: "message", Payload: n})
		if code == 401 {
			b.run(`window.token = "new"`)
		} else {
			status.Store(0)
		}
		b.want(`rollcall.state.state === "live"`)
		b.wantHeard(log.all())
	}

	// Kicked, it stays away.
	srv.kick("ada")
	b.want(`rollcall.state.state === "closed" && rollcall.state.code === "kicked"`)
}

// TestModuleLeaves closes a tab behind a proxy that keeps its stream open: the server hears of it nevertheless.
func TestModuleLeaves(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=1h")
	target, _ := neturl.Parse(srv.url(""))
	pass := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pass.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context()))) // until it has something to write
	}))
	t.Cleanup(front.Close)
	b := newTab(t)
	b.follow(front.URL, `{ channels: ["a"], clientId: "ada" }`)
	watch := newTab(t)
	watch.follow(srv.url(""), `{ channels: ["a"], clientId: "bob", presence: "channels" }`)
	watch.want(`rollcall.members("a").has("ada")`)
	b.do(chromedp.Navigate("about:blank"))
	srv.wantConnections("ada", 0) // though its connection is there
	if !value[bool](watch, `rollcall.members("a").has("ada")`) {
		t.Error("ada has left within the grace")
	}

	b.follow(front.URL, `{ channels: ["a"], clientId: "ada" }`)
	b.run(`rollcall.leave()`)
	watch.want(`!rollcall.members("a").has("ada")`)
}

// TestModuleExample runs the page of docs/client.md, from an origin of its own.
func TestModuleExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "client.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```html\n(.*?)```").FindSubmatch(text)
	if example == nil {
		t.Fatal("docs/client.md has no page")
	}
	var address atomic.Value
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent) // the icon
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(strings.ReplaceAll(string(example[1]), "http://127.0.0.1:9090", address.Load().(string))))
	}))
	t.Cleanup(site.Close)
	srv := startServer(t, "--cors-origin="+site.URL)
	address.Store(srv.url(""))
	log := &ledger{server: srv}
	log.publish(event{Channel: "news", Type: "message", Payload: "before"})
	one := newTab(t)
	one.do(chromedp.Navigate(site.URL))
	one.want(`document.querySelector("#news li")?.textContent === "the latest: before"`)
	two, _ := one.another()
	two.do(chromedp.Navigate(site.URL))
	two.want(`document.querySelector("#news li")?.textContent === "the latest: before"`)
	log.publish(event{Channel: "news", Type: "message", Payload: "hello"})
	for _, b := range []*tab{one, two} {
		b.want(`[...document.querySelectorAll("#news li")].map((item) => item.textContent).join() === "the latest: before,hello"`)
		b.want(`document.querySelector("#state").textContent === "live" && document.querySelector("#here").textContent === "Ada"`)
		b.wantQuiet(false)
	}
	srv.wantConnections(value[string](one, "localStorage.me"), 1)
}
