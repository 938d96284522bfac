package clients

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// listenAs opens an EventSource in the browser as a client of the channel lobby.
func listenAs(t *testing.T, srv *server, clientID string) *session {
	t.Helper()
	return listenInBrowser(t, srv.url("/subscribe?channels=lobby&clientId="+clientID), 0)
}

// TestDashboardShowsWhoComes has a client come and go under the operator's eyes.
func TestDashboardShowsWhoComes(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t, "--presence-grace=0s")
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.run(fmt.Sprintf(`
		window.shown = null;
		new MutationObserver(() => { if (document.querySelector(%q)) shown ??= Date.now(); })
			.observe(document.body, { childList: true, subtree: true });
	`, clientRow("bob")))
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	registered := time.Now()
	d.want("shown !== null")
	shown := time.UnixMilli(value[int64](d.tab, "shown"))
	t.Logf("shown %v after the client had heard that it is registered", shown.Sub(registered).Round(time.Millisecond))

	listenAs(t, srv, "carol").awaitType(t, "registered", 1)
	d.wantSome(clientRow("carol"))
	srv.kick("bob")
	bob.awaitEnd(t)
	d.wantNone(clientRow("bob"))
	d.wantSome(clientRow("carol"))
	d.wantQuiet(false)
}

// TestDashboardDisconnects ends a client's streams from its page.
func TestDashboardDisconnects(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d.openLive("/admin/clients")
	d.wantSome(clientRow("bob"))
	d.click(clientRow("bob") + " a")
	d.wantPath("/admin/clients/bob")
	d.wantState("live")
	d.submit(hook("disconnect"))
	end := bob.awaitType(t, "goodbye", 1)
	end[0].wantOwn(t, "goodbye", "", map[string]any{"code": "kicked", "reconnect": false})
	bob.awaitEnd(t)

	// It was sent away, not locked out: a page that is loaded anew gets in.
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d.wantQuiet(false)
}

// TestDashboardBlocks keeps a client away, and lets it in again.
func TestDashboardBlocks(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d.openLive(clientPath("bob"))
	d.run(fmt.Sprintf("document.querySelector(%q).value = '1h'", hook("block-for")))
	d.click(hook("block-menu") + " summary")
	d.fill(hook("block-reason"), "reads too slowly")
	d.submit(hook("block"))
	d.submit(hook("undo"))
	d.want(`document.querySelector("#client-blocked[data-blocked]") === null`)
	d.run(fmt.Sprintf("document.querySelector(%q).open = true", hook("block-menu"))) // a click may miss what a live page moves
	d.fill(hook("block-reason"), "reads too slowly")
	d.run(fmt.Sprintf("document.querySelector(%q).value = '1h'", hook("block-for")))
	d.submit(hook("block"))
	d.want(`document.querySelector("#client-blocked").innerText.includes("reads too slowly")`)
	d.wantNone(hook("undo")) // after its time
	end := bob.awaitType(t, "goodbye", 1)
	end[0].wantOwn(t, "goodbye", "", map[string]any{"code": "kicked", "reconnect": false})
	bob.awaitEnd(t) // it came back by itself, and got a 204
	again := listenAs(t, srv, "bob")
	again.awaitEnd(t)
	if events := again.first(t, 0); len(events) > 0 {
		t.Errorf("a blocked client heard\n%s", list(events))
	}

	d.openLive("/admin/blocks")
	d.submit(clientRow("bob") + " " + hook("unblock"))
	d.wantNone(clientRow("bob"))
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d.openLive("/admin/audit")
	text := value[string](d.tab, "document.querySelector('main').innerText")
	for _, word := range []string{operator, "bob", "block", "unblock"} {
		if !strings.Contains(text, word) {
			t.Errorf("the audit log does not have %q:\n%s", word, text)
		}
	}
	d.wantQuiet(false)
}

// TestDashboardPublishes sends an event from a channel's page to all its clients.
func TestDashboardPublishes(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	tab, _ := d.another()
	tail := &dashboard{tab, srv.url}
	tail.openLive("/admin/tail")

	const payload = `{"text":"hello <b>lobby</b> & \"all\" שלום 👋"}`
	d.openLive("/admin/channels/lobby")
	d.fill(hook("publish-type"), "order.placed")
	d.fill(hook("publish-payload"), payload)
	d.click(hook("publish-send"))
	d.wantSome(hook("flash")) // the form leads to the page again, which may show the event before it is left
	d.wantState("live")
	events := bob.awaitLive(t, 1)
	if got := live(events)[0]; got.Type != "order.placed" || !same(got.open(t).Payload, map[string]string{"text": `hello <b>lobby</b> & "all" שלום 👋`}) {
		t.Errorf("the client heard\n%s", list(events))
	}
	for _, page := range []*dashboard{tail, d} {
		page.want(`[...document.querySelectorAll("#tail-rows > *")].some((row) =>
			row.textContent.includes("order.placed") && row.textContent.includes("<b>lobby</b>"))`)
		if n := value[int](page.tab, `document.querySelectorAll("#tail-rows b").length`); n > 0 {
			t.Errorf("a payload became markup")
		}
	}

	// What can't be published is said, and what was typed is still there.
	d.fill(hook("publish-type"), "goodbye")
	d.fill(hook("publish-payload"), "{}")
	d.click(hook("publish-send"))
	d.want(`document.querySelector("main").innerText.includes("reserved")`)
	if kind := value[string](d.tab, fmt.Sprintf("document.querySelector(%q).value", hook("publish-type"))); kind != "goodbye" {
		t.Errorf("the form has the type %q, want what was typed", kind)
	}
	d.wantQuiet(true) // a form that is refused is an answer of 4xx
	tail.wantQuiet(false)
}

// TestDashboardWithoutScript does the same in a browser that runs no script.
func TestDashboardWithoutScript(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := &dashboard{newTab(t), srv.url}
	d.runNoScript()
	d.open("/admin/clients")
	d.logIn(operator, operatorPassword)
	d.wantStill("location.pathname === '/admin/clients'")
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d.open("/admin/clients")
	d.wantStill(fmt.Sprintf("document.querySelector(%q) !== null", clientRow("bob")))
	if shown := value[bool](d.tab, fmt.Sprintf("document.querySelector(%q).checkVisibility()", hook("live-state"))); shown {
		t.Error("a page without script says how live it is")
	}
	d.do(chromedp.Click(chromedp.CSS(clientRow("bob") + " a")))
	d.wantStill("location.pathname === '/admin/clients/bob'")
	d.click(hook("disconnect"))
	end := bob.awaitType(t, "goodbye", 1)
	end[0].wantOwn(t, "goodbye", "", map[string]any{"code": "kicked"})
	bob.awaitEnd(t)
	d.wantStill("location.pathname === '/admin/clients/bob'")
	d.open("/admin/clients?q=nobody-is-called-so")
	d.wantStill("document.querySelector('tr[data-client]') === null && document.querySelector('main').innerText.includes('nobody-is-called-so')")
}
