package clients

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// A list is filtered while it is typed. Each term is a chip that can be removed; a wrong one says what is allowed.
func TestDashboardFilters(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	listenAs(t, srv, "carol").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.press("/")
	d.press("channel:lobby is:fast")
	d.want(`document.querySelector("[data-testid=filter-problem]")?.textContent.includes("is: takes slow, behind")`)
	d.want(`document.querySelectorAll("[data-testid=chips] .filter-chip").length === 2`)
	d.wantSome(clientRow("bob"))
	d.click(hook("filter-help") + " summary")
	d.click(`[data-term="connections:>1"]`)
	d.want(`document.querySelector("#search").value === "channel:lobby is:fast connections:>1" && location.search.includes("connections")`)
	d.wantNone(clientRow("bob"))
	d.submit(`.filter-chip:nth-child(3) a`)
	d.wantSome(clientRow("bob"))
	d.want(`document.querySelector("#search").value === "channel:lobby is:fast"`)
	d.wantQuiet(false)
}

// Rows are marked with keys and the mouse; what happens to them is shown before, and a block can be undone.
func TestDashboardMarksRows(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	for _, id := range []string{"ann", "bob", "carol", "dave"} {
		listenAs(t, srv, id).awaitType(t, "registered", 1)
	}
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.wantSome(clientRow("dave"))
	d.want(`document.querySelector("[data-testid=mark-block]").disabled`)
	d.press("jxjjX")
	d.want(`document.querySelector("[data-testid=marked-count]").textContent === "3 clients marked"`)
	d.press("x")
	d.want(`document.querySelector("[data-testid=marked-count]").textContent === "2 clients marked"`)
	d.submit(hook("mark-block"))
	d.want(`document.querySelector("[data-testid=marked-size]").textContent === "2 connections of 2 clients"`)
	d.fill(hook("marked-reason"), "a test")
	d.submit(hook("marked-do"))
	d.want(`document.querySelector("#flash").textContent.includes("Blocked 2 clients for 10 min")`)
	d.submit(hook("undo"))
	d.want(`document.querySelector("#flash").textContent.includes("The blocks of 2 clients are undone")`)
	d.wantQuiet(false)

	d.runNoScript()
	d.open("/admin/clients?q=dave")
	d.click(hook("mark-all"))
	d.click(hook("mark-end"))
	d.wantStill(`document.querySelector("[data-testid=marked-do]")?.textContent === "End 1 connection"`)
	d.click(hook("marked-do"))
	d.wantStill(`document.querySelector("#flash")?.textContent.includes("Ended 1 connection of 1 client")`)
}

// One search over everything is opened and used with keys; without script it is a page.
func TestDashboardFindsAnything(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	listenAs(t, srv, "ann").awaitType(t, "registered", 1)
	listenAs(t, srv, "anna").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.openLive("/admin")
	d.run(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }))`)
	d.want(`document.querySelector("#find").open && document.activeElement.id === "find-field"`)
	d.do(insert("ann")) // at once: letter by letter, a slow machine searches for "a" first, and chooses anew
	d.want(`document.querySelector("#find-list [aria-selected=true]")?.textContent.trim().startsWith("ann")`)
	d.want(`document.querySelectorAll("#find-list [role=group]").length > 1`)
	d.press(kb.ArrowDown)
	d.want(`document.querySelector("#" + document.activeElement.getAttribute("aria-activedescendant")).textContent.includes("anna")`)
	d.press(kb.Enter)
	d.wantPath("/admin/clients/anna")
	d.run(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "k", metaKey: true, bubbles: true }))`)
	d.want(`document.querySelector("#find").open`)
	d.press(kb.Escape)
	d.want(`!document.querySelector("#find").open`)
	d.press("j")
	d.press("k") // alone, it moves over rows
	d.want(`!document.querySelector("#find").open`)
	d.wantQuiet(false)

	d.runNoScript()
	d.open("/admin")
	d.click("#finder-field")
	d.press("lobby" + kb.Enter)
	d.wantStill(`document.querySelector("#find-results a[href$='/channels/lobby']") !== null`)
}
