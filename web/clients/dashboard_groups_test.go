package clients

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Clients are grouped from the menu, live; a group leads to its clients, and to a block of its network, which ends its
// streams and can be undone.
func TestDashboardGroupsClients(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	bob := listenAs(t, srv, "bob")
	bob.awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.click(hook("group-menu") + " summary")
	d.submit(hook("group-menu") + ` a[href*="group=network"]`)
	d.wantState("live")
	const row = `tr[data-group="127.0.0.0/24"]`
	d.want(`document.querySelector('` + row + `').innerText.startsWith("127.0.0.0/24")`)
	listenAs(t, srv, "carol").awaitType(t, "registered", 1)
	d.want(`document.querySelector('` + row + ` .numeric').textContent === "2"`)
	d.press("/")
	d.press("bob")
	d.want(`document.querySelector('` + row + ` .numeric').textContent === "1" && location.search.includes("group=network")`)
	d.submit(row + " .name-link")
	d.want(`document.querySelector("#search").value === "bob addr:127.0.0.0/24" && !location.search.includes("group")`)
	d.wantSome(clientRow("bob"))
	d.wantNone(clientRow("carol"))

	d.openLive("/admin/clients?group=network")
	d.submit(hook("group-block"))
	d.want(`document.querySelector("[data-testid=network-size]").textContent === "2 connections of 2 clients"`)
	d.fill(hook("block-reason"), "a test")
	d.click(hook("block"))
	d.want(`!document.querySelector("#block-confirm").validity.valid`) // it has the operator's own address
	d.click(hook("block-confirm"))
	d.submit(hook("block"))
	d.want(`document.querySelector("#flash").textContent.includes("Blocked 127.0.0.0/24 for 10 min")`)
	bob.awaitType(t, "goodbye", 1)[0].wantOwn(t, "goodbye", "", map[string]any{"code": "kicked"})
	bob.awaitEnd(t)
	d.wantSome(clientRow("127.0.0.0/24"))
	d.submit(hook("undo"))
	d.want(`document.querySelector("#flash").textContent.includes("127.0.0.0/24 may connect again")`)
	d.wantNone(clientRow("127.0.0.0/24"))
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d.wantQuiet(false)
}

// Columns are chosen without script. On a phone the actions of marked rows share one line.
func TestDashboardColumns(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.runNoScript()
	d.do(chromedp.EmulateViewport(1440, 900))
	d.open("/admin/clients?q=bob&sort=-id")
	d.click(hook("column-menu") + " summary")
	d.click(`[name=cols][value=bytes]`)
	d.click(`[name=cols][value=server]`)
	d.click(hook("columns-show"))
	d.wantStill(`[...document.querySelectorAll("th")].filter((th) => th.checkVisibility()).map((th) => th.innerText.trim()).join() ===
		"Client,Connections,Channels,Address,Online since,Events,Behind,Server"`)
	d.wantStill(`document.querySelector("#search").value === "bob" && location.search.includes("sort=-id")`)

	d.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	d.wantStill(`new Set([...document.querySelectorAll(".mark-actions .button")].map((b) => b.getBoundingClientRect().top)).size === 1`)
	for _, path := range []string{"/admin/clients", "/admin/clients?group=network", "/admin/blocks", "/admin/blocks/network?network=127.0.0.1"} {
		d.open(path)
		if width := value[int](d.tab, "document.documentElement.scrollWidth"); width != 390 {
			t.Errorf("%s is %d px wide, want 390", path, width)
		}
		if empty := value[int](d.tab, `[...document.querySelectorAll("main :is(summary, .button)")].filter((e) => e.checkVisibility() && !e.innerText.trim()).length`); empty != 0 {
			t.Errorf("%s has %d buttons without a visible name", path, empty)
		}
	}
}
