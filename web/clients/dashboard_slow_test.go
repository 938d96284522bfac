package clients

import (
	"context"
	"net/http"
	"testing"
)

// A client that opens short streams one after the other appears on the open page, which leads to it.
func TestDashboardSlow(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.click(`a[href$="/admin/slow"]`)
	d.wantPath("/admin/slow")
	d.wantSome("#flapping-empty")
	for range 7 {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.url("/subscribe?channels=news&clientId=flip"), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := srv.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = answer.Body.Close()
	}
	d.want(`document.querySelector("#flapping-rows [data-client=flip]")?.textContent.includes("7")`)
	d.want(`document.documentElement.scrollWidth <= innerWidth`)
	d.click(`#flapping-rows [data-client=flip] a`)
	d.wantPath("/admin/clients/flip")
	d.wantQuiet(false)
}

// A client's page draws what it was sent while the page is open, says since when, and shows the value under the pointer.
func TestDashboardClientCharts(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	listenAs(t, srv, "ann")
	d.openLive("/admin/clients")
	d.wantSome(`tr[data-client="ann"]`)
	stop := (&ledger{server: srv}).keepPublishing("lobby")
	defer stop()
	d.openLive("/admin/clients/ann")
	d.want(`document.querySelector("#charts-since time") !== null`)
	const newest = `document.querySelector("#chart-sent .chart-line").dataset.values.trim().split(/\s+/).at(-1)`
	d.want(newest + ` > 0`)
	d.want(`document.querySelector("#chart-pending .chart-line").dataset.values.includes("0")`)
	d.want(`document.documentElement.scrollWidth <= innerWidth`)
	d.wantQuiet(false)
}
