package clients

import (
	"testing"
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
