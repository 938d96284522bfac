package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// livePage is a page with the admin script, and the test at the other end of its stream.
type livePage struct {
	*tab
	srv    *httptest.Server
	status atomic.Int64       // what the stream's requests are answered with
	opened chan struct{}      // gets a value for each stream that opens
	over   chan struct{}      // closed when the test is
	script chan func(*stream) // what the open stream does next

	patches int // sent
}

// stream is one answer to a page.
type stream struct {
	w    io.Writer
	over bool // the handler is to return
}

// policy is the one that the admin pages have.
const policy = "default-src 'none'; script-src 'nonce-x' 'strict-dynamic'; style-src 'nonce-x'; connect-src 'self'; img-src 'self' data:"

// frame is a page around its main part.
const frame = `<!doctype html><html lang="en"><head><title>live</title><link rel="icon" href="data:,">
<script type="module" nonce="x" src="/assets/admin.js"></script>
<style nonce="x">
	[hidden] { display: none } .scroll { height: 60px; overflow: auto } .tall { height: 500px }
	.chart-plot, .chart-plot svg { display: block; width: 400px; height: 100px } body { margin: 0 }
</style></head><body data-live="/admin/page?q=1">
<div id="live-state" data-state="connecting"><span id="live-label"></span></div><p id="live-banner" hidden></p>
<input id="search" type="search"><dialog id="keys"><form method="dialog"><button>Close</button></form></dialog>
%s</body></html>`

// openLivePage opens a page with this main part, and waits until its stream is open.
func openLivePage(t *testing.T, main string) *livePage {
	t.Helper()
	p := &livePage{tab: newTab(t), opened: make(chan struct{}, 100), over: make(chan struct{}), script: make(chan func(*stream))}
	p.status.Store(http.StatusOK)
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServer(http.Dir("../assets"))))
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, frame, main+`<i id="mark"></i>`)
	})
	mux.HandleFunc("GET /admin/stream", p.stream)
	p.srv = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(p.over) // the page comes back until the server is closed
		p.srv.CloseClientConnections()
		p.srv.Close()
	})
	p.do(chromedp.Navigate(p.srv.URL + "/admin/page?q=1"))
	p.wantOpen()
	p.wantSome(`#live-state[data-state="live"]`)
	return p
}

func (p *livePage) stream(w http.ResponseWriter, r *http.Request) {
	if page := r.URL.Query().Get("page"); page != "/admin/page?q=1" {
		p.t.Errorf("the stream is asked for the page %q", page)
	}
	if status := int(p.status.Load()); status != http.StatusOK {
		http.Error(w, "not now", status)
		return
	}
	if r.Method == http.MethodHead { // the page asks why it was refused
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{w: w}
	fmt.Fprint(w, "retry: 10\n\n")
	http.NewResponseController(w).Flush()
	select {
	case p.opened <- struct{}{}:
	case <-p.over:
	}
	for !s.over {
		select {
		case <-p.over:
			return
		case <-r.Context().Done():
			return
		case next := <-p.script:
			next(s)
			http.NewResponseController(w).Flush()
		}
	}
}

// wantOpen waits until the page has opened a stream.
func (p *livePage) wantOpen() {
	p.t.Helper()
	select {
	case <-p.opened:
	case <-time.After(patience):
		p.t.Fatal("the page opens no stream\n" + p.look())
	}
}

// send has the open stream send an event.
func (p *livePage) send(kind string, data any) {
	p.t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		p.t.Fatal(err)
	}
	p.play(func(s *stream) { fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, text) })
}

func (p *livePage) play(next func(*stream)) {
	p.t.Helper()
	select {
	case p.script <- next:
	case <-time.After(patience):
		p.t.Fatal("no stream is open\n" + p.look())
	}
}

type op = map[string]any

// patch sends operations, and waits until they are applied.
func (p *livePage) patch(ops ...op) {
	p.t.Helper()
	p.patches++
	mark := fmt.Sprintf("%d", p.patches)
	p.send("patch", append(ops, op{"id": "mark", "html": `<i id="mark">` + mark + `</i>`}))
	p.want(fmt.Sprintf("document.querySelector('#mark').textContent === %q", mark))
}

// wantText waits until an element has this text.
func (p *livePage) wantText(selector, text string) {
	p.t.Helper()
	p.want(fmt.Sprintf("document.querySelector(%q)?.textContent === %q", selector, text))
}

// wantOrder waits until the children of an element have these ids.
func (p *livePage) wantOrder(selector, ids string) {
	p.t.Helper()
	p.want(fmt.Sprintf("[...document.querySelector(%q).children].map((row) => row.id).join(' ') === %q", selector, ids))
}

// point moves the mouse to a place within an element, given as shares of its size.
func (p *livePage) point(selector string, x, y float64) {
	p.t.Helper()
	at := value[[]float64](p.tab, fmt.Sprintf(`(() => {
		const box = document.querySelector(%q).getBoundingClientRect();
		return [box.left + box.width * %f, box.top + box.height * %f];
	})()`, selector, x, y))
	p.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]))
}

// watchRows keeps a list of the rows that come or are moved, each with its classes, in arrivals.
func (p *livePage) watchRows(selector string) {
	p.t.Helper()
	p.run(fmt.Sprintf(`
		window.arrivals = [];
		new MutationObserver((records) => {
			for (const { addedNodes } of records) for (const row of addedNodes) arrivals.push((row.id + " " + row.className).trim());
		}).observe(document.querySelector(%q), { childList: true });
	`, selector))
}

// press presses keys as a keyboard does: what is prevented from a key down isn't typed.
func (p *livePage) press(keys string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, key := range keys {
			for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
				params := input.DispatchKeyEventParams{Type: kind, Key: string(key), Text: string(key)}
				if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, params); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func rows(keys ...string) map[string]string {
	html := map[string]string{}
	for _, key := range keys {
		html[key] = fmt.Sprintf(`<tr id="%s"><td><a href="/admin/%s">%s</a></td></tr>`, key, key, key)
	}
	return html
}

func items(from, to int) string {
	var b strings.Builder
	for i := from; i >= to; i-- {
		fmt.Fprintf(&b, `<li id="e%d">event %d</li>`, i, i)
	}
	return b.String()
}

// TestPatchLeavesWhatIsTheirs changes everything around what a person does.
func TestPatchLeavesWhatIsTheirs(t *testing.T) {
	t.Parallel()
	part := func(n int, before, open string) string {
		return fmt.Sprintf(`<section id="part" data-n="%d">%s<p>count <b>%d</b> for you to select</p>
			<input name="field" value="server %d" placeholder="n%d"><input type="checkbox" name="box"><input type="hidden" name="h" value="%d">
			<select name="choice"><option selected>one</option><option>two</option></select><textarea name="area">%d</textarea>
			<details%s><summary>more</summary>inside %d</details>
			<div class="scroll"><div class="tall">tall %d</div></div></section>`, n, before, n, n, n, n, n, open, n, n)
	}
	p := openLivePage(t, part(1, "", ""))
	p.do(chromedp.SendKeys(chromedp.CSS("[name=field]"), "+typed"))
	p.run(`
		const $ = (selector) => document.querySelector(selector);
		$("[name=box]").checked = true; $("[name=choice]").value = "two"; $("[name=area]").value = "mine";
		$("details").open = true; $(".scroll").scrollTop = 123;
		window.field = $("[name=field]"); field.focus(); field.setSelectionRange(2, 5);
	`)
	p.patch(op{"id": "part", "html": part(2, "<h2>new</h2>", "")})
	p.wantText("#part b", "2")
	p.wantText("#part h2", "new")
	for _, kept := range []string{
		`document.activeElement === field && field.isConnected && field.selectionStart === 2 && field.selectionEnd === 5`,
		`field.value === "+typedserver 1" && field.placeholder === "n2"`,
		`document.querySelector("[name=box]").checked && document.querySelector("[name=choice]").value === "two"`,
		`document.querySelector("[name=area]").value === "mine" && document.querySelector("[name=h]").value === "2"`,
		`document.querySelector("details").open && document.querySelector("details").textContent.includes("inside 2")`,
		`document.querySelector(".scroll").scrollTop === 123 && document.querySelector("#part").dataset.n === "2"`,
	} {
		p.want(kept)
	}
	p.run(`getSelection().selectAllChildren(document.querySelector("#part p"))`)
	p.patch(op{"id": "part", "html": part(3, "", " open")}, op{"id": "gone", "html": `<p id="gone"></p>`})
	p.want(`getSelection().toString() === "count 3 for you to select" && !document.querySelector("#part h2")`)
	p.wantQuiet(false)
}

// TestListsKeepTheirRows sorts rows, with few moves and never under the user's pointer.
func TestListsKeepTheirRows(t *testing.T) {
	t.Parallel()
	first := rows("a", "b", "c")
	p := openLivePage(t, `<table id="table"><tbody id="rows">`+first["a"]+first["b"]+first["c"]+`</tbody></table><p id="aside">aside</p>`)
	p.run(`
		window.row = (id) => document.getElementById(id);
		["a", "b", "c"].forEach((id) => (row(id).mine = id));
		window.now = Date.now();
		Date.now = () => now; // lists wait as long as the test says
	`)
	p.watchRows("#rows")
	order := func(html map[string]string, keys ...string) op {
		return op{"id": "rows", "keys": keys, "html": html}
	}
	p.patch(order(rows("d"), "d", "b", "c", "a"))
	p.wantOrder("#rows", "d b c a")
	p.want(`row("a").mine === "a" && row("b").mine === "b" && arrivals.toSorted().join() === "a,d is-new"`)
	p.patch(order(rows("n"), "n", "d", "b", "c", "a"), op{"id": "n", "html": `<tr id="n" class="slow"><td>at once</td></tr>`})
	p.want(`arrivals.at(-1) === "n slow is-new" && row("n").textContent === "at once"`)
	p.want(`row("n").className === "slow"`) // before long
	p.patch(order(map[string]string{"b": `<tr id="b"><td>changed</td></tr>`}, "b", "a"))
	p.wantOrder("#rows", "b a")
	p.wantText("#b", "changed")
	p.want(`row("b").mine === "b" && !row("b").matches(".is-new")`)

	// While the pointer is on the list.
	p.point("#b", .5, .5)
	p.want(`document.querySelector("#rows").matches(":hover")`)
	p.patch(order(map[string]string{"e": rows("e")["e"], "a": `<tr id="a"><td>in place</td></tr>`}, "e", "a"))
	p.patch(op{"id": "e", "html": `<tr id="e"><td>later</td></tr>`})
	p.wantOrder("#rows", "b a")
	p.wantText("#a", "in place")
	p.wantSome("#table[data-held]")
	p.patch(op{"id": "rows", "html": `<tbody id="rows"><tr id="e"><td>later</td></tr><tr id="f"><td>whole</td></tr><tr id="a"><td>in place</td></tr></tbody>`})
	p.wantOrder("#rows", "b a")
	p.point("#aside", .5, .5)
	p.wantOrder("#rows", "e f a")
	p.wantText("#e", "later")
	p.wantSome("#table:not([data-held])")

	// While the focus is in it.
	p.patch(order(rows("a", "e"), "e", "f", "a"))
	p.run(`row("a").querySelector("a").focus()`)
	p.patch(order(rows(), "a", "e"))
	p.wantSome("#table[data-held]")
	p.wantOrder("#rows", "e f a")
	p.run(`document.activeElement.blur()`)
	p.wantOrder("#rows", "a e")

	// Not for ever.
	p.run(`row("a").querySelector("a").focus(); window.held = row("a").querySelector("a")`)
	p.patch(order(rows("g"), "g", "e", "a"))
	p.wantSome("#table[data-held]")
	p.run(`now += 10_000`)
	p.wantOrder("#rows", "g e a")
	p.want(`document.activeElement === held`)
	p.patch(op{"id": "rows", "html": `<tbody id="rows"></tbody>`})
	p.wantOrder("#rows", "")
	p.wantQuiet(false)
}

// TestFeedWaits pauses a feed, selects in it and scrolls it.
func TestFeedWaits(t *testing.T) {
	t.Parallel()
	p := openLivePage(t, `<button id="tail-pause" aria-pressed="false"><span class="pause-label">Pause</span> <span id="tail-waiting" hidden></span></button>
		<ol id="feed" data-feed class="scroll">`+items(2, 1)+`</ol>`)
	p.watchRows("#feed")
	push := func(from, to int) { p.patch(op{"id": "feed", "first": items(from, to), "keep": 4}) }
	push(3, 3)
	p.wantOrder("#feed", "e3 e2 e1")
	push(5, 3)
	p.wantOrder("#feed", "e5 e4 e3 e2")
	p.want(`arrivals.includes("e5 is-new")`)

	p.click("#tail-pause")
	p.wantSome(`#tail-pause[aria-pressed="true"]`)
	push(6, 6)
	push(7, 7)
	p.wantText("#tail-waiting", "2 new")
	push(12, 8)
	p.wantText("#tail-waiting", "4+ new")
	p.wantOrder("#feed", "e5 e4 e3 e2")
	p.click("#tail-pause")
	p.wantOrder("#feed", "e12 e11 e10 e9")
	p.wantSome("#tail-waiting[hidden]")

	p.run(`getSelection().selectAllChildren(document.querySelector("#e10"))`)
	push(13, 13)
	p.wantText("#tail-waiting", "1 new")
	p.want(`getSelection().toString() === "event 10"`)
	p.run(`getSelection().removeAllRanges()`)
	p.wantOrder("#feed", "e13 e12 e11 e10")

	p.run(`document.querySelector("#feed").scrollTop = 10`)
	push(14, 14)
	p.wantText("#tail-waiting", "1 new")
	p.run(`document.querySelector("#feed").scrollTop = 0`)
	p.wantOrder("#feed", "e14 e13 e12 e11")
	p.wantQuiet(false)
}

// TestLivePageRecovers loses the server in every way there is.
func TestLivePageRecovers(t *testing.T) {
	t.Parallel()
	p := openLivePage(t, `<p id="n">0</p>`)
	states := `
		window.states = [];
		new MutationObserver(() => states.push(document.querySelector("#live-state").dataset.state))
			.observe(document.querySelector("#live-state"), { attributeFilter: ["data-state"] });
	`
	p.run(states)
	drop := func(s *stream) { s.over = true }

	p.play(drop) // it is back before the page shows a loss
	p.wantOpen()
	p.want(`states.join() === "reconnecting,live" && document.querySelector("#live-banner").hidden`)
	p.patch(op{"id": "n", "html": `<p id="n">1</p>`})
	p.wantText("#n", "1")

	p.status.Store(http.StatusServiceUnavailable)
	p.play(drop)
	p.wantSome(`#live-state[data-state="reconnecting"]`)
	p.wantText("#live-label", "Reconnecting…")
	p.want(`!document.querySelector("#live-banner").hidden`)
	p.wantText("#live-banner", "Connection lost. Reconnecting…")
	p.status.Store(http.StatusOK)
	p.wantOpen()
	p.wantText("#live-label", "Live")
	p.want(`document.querySelector("#live-banner").hidden`)
	p.patch(op{"id": "n", "html": `<p id="n">2</p>`})

	p.status.Store(http.StatusTooManyRequests)
	p.play(drop)
	p.wantText("#live-banner", "This page is not live: you have too many live pages open. Close some.")
	p.wantSome(`#live-state[data-state="waiting"]`)
	p.wantText("#live-label", "Not live")
	p.status.Store(http.StatusOK)
	p.wantOpen()
	p.wantText("#live-label", "Live")
	p.want(`document.querySelector("#live-banner").hidden`)

	for _, end := range []struct {
		name, banner, href string
		play               func()
	}{
		{"401", "You were logged out: the session timed out, or the server was restarted. Log in", "/admin/login?next=%2Fadmin%2Fpage%3Fq%3D1", func() {
			p.status.Store(http.StatusUnauthorized)
			p.play(drop)
		}},
		{"404", "This page is gone. Reload", "/admin/page?q=1", func() {
			p.status.Store(http.StatusNotFound)
			p.play(drop)
		}},
		{"expired", "You logged out elsewhere. Log in", "/admin/login?next=%2Fadmin%2Fpage%3Fq%3D1", func() {
			p.send("expired", op{"reason": "You logged out elsewhere."})
		}},
	} {
		end.play()
		p.wantText("#live-banner", end.banner)
		p.wantSome(`#live-state[data-state="closed"]`)
		p.wantText("#live-label", "Not live")
		if href := value[string](p.tab, `document.querySelector("#live-banner a").getAttribute("href").replace(location.origin, "")`); href != end.href {
			t.Errorf("%s: the banner leads to %s, want %s", end.name, href, end.href)
		}
		p.status.Store(http.StatusOK)
		p.do(chromedp.Navigate(p.srv.URL + "/admin/page?q=1"))
		p.wantOpen()
		p.wantSome(`#live-state[data-state="live"]`)
	}
	if len(p.opened) > 0 {
		t.Error("a closed page has opened another stream")
	}
	p.wantQuiet(true)
}

// TestTimesAreAges shows times as ages, in the page and in what comes later.
func TestTimesAreAges(t *testing.T) {
	t.Parallel()
	stamp := func(ago time.Duration) string {
		at := time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000Z")
		return fmt.Sprintf(`<time data-relative datetime="%s">%s</time>`, at, at)
	}
	p := openLivePage(t, `<p id="then">`+stamp(3*time.Hour+time.Minute)+`</p><ol id="list"></ol><p id="soon">`+stamp(-9*time.Minute-30*time.Second)+`</p>`)
	p.wantText("#then time", "3 h ago")
	p.wantText("#soon time", "in 9 min")
	p.want(`/^\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d\.\d{3} GMT/.test(document.querySelector("#then time").title)`)
	p.patch(
		op{"id": "then", "html": `<p id="then">` + stamp(5*24*time.Hour) + `</p>`},
		op{"id": "list", "keys": []string{"i"}, "html": op{"i": `<li id="i">since ` + stamp(30*time.Second+time.Minute) + `</li>`}},
	)
	p.wantText("#then time", "5 d ago")
	p.wantText("#i time", "1 min ago")
	p.patch(op{"id": "i", "html": `<li id="i">since ` + stamp(0) + `</li>`})
	p.wantText("#i time", "now")
	p.want(`/^\d+ s ago$/.test(document.querySelector("#i time").textContent)`) // by itself
	p.wantQuiet(false)
}

// TestChartReadout points at a chart by mouse and by key.
func TestChartReadout(t *testing.T) {
	t.Parallel()
	chart := func(published, unit string) string {
		return `<figure id="chart" tabindex="0" data-chart data-end="2026-01-02T03:04:05Z" data-step="1000" data-unit="` + unit + `">
			<div class="chart-plot"><svg viewBox="0 0 4 160" preserveAspectRatio="none">
			<path data-series="Published" data-values="` + published + `"></path><path data-series="Delivered" data-values="0 1 – 1234 5"></path>
			<line class="chart-cursor" x1="0" x2="0" hidden></line></svg><output class="chart-readout" hidden></output></div></figure>`
	}
	p := openLivePage(t, chart("1 2 3 4 5", "/s")+`<p id="aside">aside</p>`)
	at := func(second int) string {
		return value[string](p.tab, fmt.Sprintf(`new Date("2026-01-02T03:04:%02dZ").toTimeString().slice(0, 8)`, second))
	}
	p.wantSome(".chart-readout[hidden]")
	p.point("#chart svg", .74, .5)
	p.wantText(".chart-readout", at(4)+" · Published 4/s · Delivered 1.23k/s")
	p.want(`!document.querySelector(".chart-cursor").hasAttribute("hidden") && document.querySelector(".chart-cursor").getAttribute("x1") === "3"`)
	p.patch(op{"id": "chart", "html": chart("1 2 3 44 5", "/s")})
	p.wantText(".chart-readout", at(4)+" · Published 44/s · Delivered 1.23k/s")
	p.want(`!document.querySelector(".chart-readout").hidden`)
	p.patch(op{"id": "chart", "html": chart("1 2 3 0.25 5", "ms")})
	p.wantText(".chart-readout", at(4)+" · Published 250 µs · Delivered 1.23 s")
	p.patch(op{"id": "chart", "html": chart("1 2 3 1048576 5", "B/s")})
	p.wantText(".chart-readout", at(4)+" · Published 1 MiB/s · Delivered 1.21 KiB/s")
	p.point("#aside", .5, .5)
	p.wantSome(".chart-readout[hidden]")

	p.run(`document.querySelector("#search").focus()`)
	p.do(chromedp.KeyEvent(kb.Tab))
	p.want(`document.activeElement.id === "chart"`)
	p.do(chromedp.KeyEvent(kb.ArrowLeft))
	p.wantText(".chart-readout", at(5)+" · Published 5 B/s · Delivered 5 B/s")
	p.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	p.wantText(".chart-readout", at(3)+" · Published 3 B/s · Delivered –")
	p.do(chromedp.KeyEvent(kb.ArrowRight))
	p.wantText(".chart-readout", at(4)+" · Published 1 MiB/s · Delivered 1.21 KiB/s")
	p.run(`document.activeElement.blur()`)
	p.wantSome(".chart-readout[hidden]")
	p.wantQuiet(false)
}

// TestKeysAndForms goes about a page by keyboard, copies, and submits forms.
func TestKeysAndForms(t *testing.T) {
	t.Parallel()
	p := openLivePage(t, `<code id="code">curl -N</code><button id="copy" data-copy="#code">Copy</button><textarea id="text"></textarea>
		<form id="form" method="post" action="/admin/done" data-confirm="Purge it?"><button id="purge">Purge</button></form>`)
	p.press("/")
	p.want(`document.activeElement.id === "search"`)
	p.press("?gc")
	p.want(`document.activeElement.value === "?gc" && !document.querySelector("#keys").open`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.want(`document.activeElement === document.body`)
	p.press("?")
	p.wantSome("#keys[open]")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.wantSome("#keys:not([open])")

	p.click("#copy")
	p.wantText("#copy", "Copied")
	p.wantText("#copy", "Copy")

	p.run(`
		window.asked = []; window.sent = 0; window.answer = false;
		window.confirm = (question) => { asked.push(question); return answer; };
		addEventListener("submit", (event) => { if (!event.defaultPrevented) sent++; event.preventDefault(); });
	`)
	p.click("#purge")
	p.want(`asked.join() === "Purge it?" && sent === 0`)
	p.run(`answer = true`)
	p.run(`for (const click of [1, 2]) document.querySelector("#purge").click()`) // once too often
	p.want(`asked.length === 2 && sent === 1`)

	p.run(`document.activeElement.blur()`)
	p.stopKeyClock()
	p.press("gxc")
	p.want(`location.pathname === "/admin/page"`)
	p.press("gh")
	p.want(`location.pathname === "/admin/channels"`)
	p.wantQuiet(true)
}

// A page to which nothing comes any more says so and is dimmed, although its stream is open: the server hangs, or the network is
// gone. It opens another stream, and is live again when something comes.
func TestLivePageStale(t *testing.T) {
	t.Parallel()
	p := openLivePage(t, `<main class="page">old numbers</main>`)
	p.send("beat", map[string]int{"every": 1000})
	p.wantSome(`#live-state[data-state="stale"]`)
	p.want(`/^Stale · \d+ s$/.test(document.querySelector("#live-label").textContent)`)
	p.wantSome("body[data-stale]")
	p.wantOpen() // another one
	for value[string](p.tab, `document.querySelector("#live-state").dataset.state`) != "live" {
		p.send("beat", map[string]int{"every": 60_000}) // a stream that was just left may take it
	}
	p.wantSome("body:not([data-stale])")
	p.wantText("#live-label", "Live")
}
