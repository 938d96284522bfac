package clients

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// recipe is a section of a page of docs.
type recipe struct{ title, text string }

// readRecipe reads a section of docs/recipes.md.
func readRecipe(t *testing.T, title string) recipe {
	t.Helper()
	return readSection(t, "recipes.md", "\n## "+title+"\n")
}

// readSection reads the section of a page of docs that begins with a line.
func readSection(t *testing.T, page, title string) recipe {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), title)
	if !found {
		t.Fatalf("docs/%s has no section %q", page, title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return recipe{title, section}
}

// code returns the section's only block in a language.
func (r recipe) code(t *testing.T, language string) string {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(r.text, -1)
	if len(blocks) != 1 {
		t.Fatalf("%s has %d blocks in %s, want 1", r.title, len(blocks), language)
	}
	return blocks[0][1]
}

// page serves the section's page from a site of its own, which may use the server that it starts, by way of the proxy.
func (r recipe) page(t *testing.T, flags ...string) (site string, srv *server, net *proxy) {
	t.Helper()
	var page string
	site = pageSite(t, func() string { return page })
	srv = startServer(t, append(flags, "--cors-origin="+site, "--presence-grace=2s")...)
	net = startProxy(t, srv.addr)
	page = strings.ReplaceAll(r.code(t, "html"), "http://127.0.0.1:9090", net.url(""))
	return site, srv, net
}

// shell runs a script of the section against the server.
func (r recipe) shell(t *testing.T, srv *server, script string) string {
	t.Helper()
	curl.need(t)
	cmd := exec.Command("sh", "-e", "-c", strings.ReplaceAll(script, "http://127.0.0.1:9090", srv.url("")))
	out, err := cmd.Output()
	if err != nil || strings.Contains(string(out), `"error"`) {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestRecipeWhoIsHere(t *testing.T) {
	t.Parallel()
	site, srv, _ := readRecipe(t, "Who is here, and what they do").page(t)
	ann, bob := newTab(t), newTab(t)
	ann.do(chromedp.Navigate(site + "/?name=Ann"))
	bob.do(chromedp.Navigate(site + "/?name=Bob"))
	const here = `[...document.querySelectorAll("#here li")].map((li) => li.textContent).join()`
	for _, b := range []*tab{ann, bob} {
		b.want(here + ` === "Ann is reading,Bob is reading"`)
	}
	bob.click("#text")
	ann.want(here + ` === "Ann is reading,Bob is writing"`)
	late := newTab(t)
	late.do(chromedp.Navigate(site + "/?name=Eve"))
	late.want(here + ` === "Ann is reading,Bob is writing,Eve is reading"`)
	bob.do(chromedp.Navigate("about:blank"))
	ann.want(here + ` === "Ann is reading,Eve is reading"`)
	srv.wantStreams(2)
	ann.wantQuiet(false)
}

func TestRecipeNotifications(t *testing.T) {
	t.Parallel()
	r := readRecipe(t, "Notifications")
	site, srv, net := r.page(t)
	log := &ledger{server: srv}
	note := func(text string) {
		t.Helper()
		log.publish(event{Channel: "inbox.ann", Type: "note", Payload: map[string]string{"text": text}})
	}
	const notes = `[...document.querySelectorAll("#notes li")].map((li) => li.textContent).join()`
	note("before")
	b := newTab(t)
	b.do(chromedp.Navigate(site))
	b.want(notes + ` === "before"`)
	for range 2 { // the key makes it one
		r.shell(t, srv, r.code(t, "sh"))
	}
	b.want(notes + ` === "before,Order 7 has shipped"`)
	net.cut(rst)
	note("dropped")
	b.want(notes + ` === "before,Order 7 has shipped,dropped"`)
	b.do(chromedp.Navigate("about:blank"))
	note("away")
	note("away, too")
	b.do(chromedp.Navigate(site))
	b.want(notes + ` === "away,away, too"`)
}

func TestRecipeChat(t *testing.T) {
	t.Parallel()
	site, srv, _ := readRecipe(t, "Chat").page(t)
	log := &ledger{server: srv}
	said := ""
	for i := range 60 {
		log.publish(event{Channel: "chat", Type: "message", Payload: map[string]any{"who": "zoe", "text": fmt.Sprint(i)}})
		if i >= 10 {
			said += fmt.Sprintf("zoe: %d,", i)
		}
	}
	const messages = `[...document.querySelectorAll("#messages li")].map((li) => li.textContent + ",").join("")`
	ann, bob := newTab(t), newTab(t)
	for name, b := range map[string]*tab{"ann": ann, "bob": bob} {
		b.do(chromedp.Navigate(site + "/?name=" + name))
		b.want(fmt.Sprintf("%s === %q", messages, said))
	}
	srv.wantStreams(2)
	for i, b := range []*tab{ann, bob, ann} {
		b.fill(`[name="text"]`, fmt.Sprint("hello ", i))
		b.run(`document.forms[0].requestSubmit()`)
		said += fmt.Sprintf("%s: hello %d,", []string{"ann", "bob", "ann"}[i], i)
		for _, b := range []*tab{ann, bob} {
			b.want(fmt.Sprintf("%s === %q", messages, said))
		}
	}
	ann.wantQuiet(false)
}

func TestRecipeStreamingAnswers(t *testing.T) {
	t.Parallel()
	r := readRecipe(t, "Streaming answers")
	site, srv, net := r.page(t)
	define, calls, _ := strings.Cut(r.code(t, "sh"), "\n}\n")
	first, last, _ := strings.Cut(calls, "\n")
	b, late := newTab(t), newTab(t)
	b.do(chromedp.Navigate(site))
	srv.wantStreams(1)
	r.shell(t, srv, define+"\n}\n"+first)
	const shows = `document.querySelector("#answer").textContent === %q`
	b.want(fmt.Sprintf(shows, "The answer"))
	b.do(chromedp.Reload())
	b.want(fmt.Sprintf(shows, "The answer"))
	net.cut(rst)
	r.shell(t, srv, define+"\n}\n"+last)
	b.want(fmt.Sprintf(shows, "The answer is 42."))
	late.do(chromedp.Navigate(site))
	late.want(fmt.Sprintf(shows, "The answer is 42."))
	srv.wantStreams(0) // the pages stay away
}

func TestRecipeTokens(t *testing.T) {
	t.Parallel()
	r := readRecipe(t, "Mint a token")
	const secret = "a recipe's secret of at least 32 bytes"
	srv := startServer(t, "--jwt-secret="+secret)
	dir := t.TempDir()
	for language, c := range map[string]struct {
		tool tool
		args []string
		file string
	}{
		"js":     {plainNode, nil, "token.mjs"},
		"python": {python, nil, "token.py"},
		"go":     {golang, []string{"run"}, "token.go"},
	} {
		t.Run(language, func(t *testing.T) {
			file := filepath.Join(dir, c.file)
			if err := os.WriteFile(file, []byte(r.code(t, language)), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(c.tool.need(t), append(c.args, file)...)
			cmd.Env = append(os.Environ(), "ROLLCALL_JWT_SECRET="+secret)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			token := url.QueryEscape(strings.TrimSpace(string(out)))
			publish := func(channel string, status int) {
				t.Helper()
				body := fmt.Sprintf(`{"events":[{"channelName":%q,"type":"message","payload":1}]}`, channel)
				if err := srv.ask(http.MethodPost, "/publish?access_token="+token, []byte(body), status, nil); err != nil {
					t.Error(err)
				}
			}
			publish("chat", http.StatusOK)
			publish("inbox.ann", http.StatusForbidden)
			if err := srv.ask(http.MethodGet, "/history?channel=inbox.ann&access_token="+token, nil, http.StatusOK, nil); err != nil {
				t.Error(err)
			}
			if err := srv.ask(http.MethodGet, "/history?channel=inbox.bob&access_token="+token, nil, http.StatusForbidden, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// The publisher is refused for a time, loses answers of what was published, and publishes each event once.
func TestRecipePublisher(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	target, err := url.Parse(srv.url(""))
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	pass.Transport = srv.client.Transport
	var asked atomic.Int64
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) % 5 {
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			pass.ServeHTTP(httptest.NewRecorder(), r) // it is published, and nobody hears of it
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"error":{"code":"outcome_unknown"}}`)
		default:
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(relay.Close)
	file := filepath.Join(t.TempDir(), "publish.py")
	if err := os.WriteFile(file, []byte(readRecipe(t, "Publish until it is acknowledged").code(t, "python")), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(input string) (string, error) {
		cmd := exec.Command(python.need(t), file)
		cmd.Env = append(os.Environ(), "ROLLCALL_SERVER="+relay.URL)
		var wrong strings.Builder
		cmd.Stdin, cmd.Stderr = strings.NewReader(input), &wrong
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, wrong.String())
		}
		return string(out), err
	}
	var lines string
	for i := range 5 {
		lines += fmt.Sprintf("{\"channelName\":\"a\",\"type\":\"message\",\"payload\":%d}\n", i)
	}
	out, err := run(lines)
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Events []struct {
			ID      string
			Payload int
		}
	}
	if err := srv.ask(http.MethodGet, "/history?channel=a", nil, http.StatusOK, &kept); err != nil {
		t.Fatal(err)
	}
	var ids strings.Builder
	for i, e := range kept.Events {
		if fmt.Fprintln(&ids, e.ID); e.Payload != i {
			t.Errorf("event %d is %d", i, e.Payload)
		}
	}
	if len(kept.Events) != 5 || ids.String() != out {
		t.Errorf("kept are %v, the publisher printed %s", kept.Events, out)
	}
	if _, err := run(`{"channelName":"a","type":"gap","payload":1}` + "\n"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a refused event gives %v", err)
	}
}

// What doctor says of a CDN that passes streams on, and of one that holds them back.
func TestRecipeBehindACDN(t *testing.T) {
	t.Parallel()
	command := strings.Fields(readRecipe(t, "Behind a CDN").code(t, "sh"))
	srv := startServer(t, "--heartbeat=1s")
	target, err := url.Parse(srv.url(""))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flush int
		code  int
		says  string
	}{"passes on": {-1, 0, "ok    buffering"}, "holds back": {0, 1, "fail  buffering"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cdn := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = target.Host }}
			handler := http.Handler(cdn)
			if c.flush == 0 {
				handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cdn.ServeHTTP(heldBack{w}, r) })
			}
			front := httptest.NewServer(handler)
			t.Cleanup(front.Close)
			cmd := exec.Command(binary, append(command[1:len(command)-1], front.URL, "--wait=3s")...)
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.says, out)
			}
		})
	}
}

// heldBack is an answer whose bytes are kept until there are many.
type heldBack struct{ http.ResponseWriter }

func (heldBack) Flush() {}
