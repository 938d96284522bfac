package clients

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// At the width of a small laptop the start page gives payloads room, and its controls stay in a line.
func TestStartPageFitsALaptop(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	b := newTab(t)
	b.do(chromedp.EmulateViewport(1024, 768))
	b.openStartPage(srv.url("/"))
	b.wantSome(row("registered", "", ""))
	b.want(`document.querySelector("#events .event-body").getBoundingClientRect().width > 250`)
	b.want(`new Set([...document.querySelectorAll(".events .card-head > :not(.spacer, .visually-hidden)")]
		.map((e) => e.getBoundingClientRect()).map(({ top, bottom }) => Math.round((top + bottom) / 20))).size === 1`)
	b.want(`[...document.querySelectorAll(".events .card-head *")].every((e) => e.getBoundingClientRect().right <= 1024)`)
}

// On a phone events begin in the upper half of Tail, the charts are a row, and the navigation is always there.
func TestDashboardIsShortOnAPhone(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	log := &ledger{server: srv}
	log.publish(batch...)
	d := openDashboard(t, srv.url)
	d.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	d.openLive("/admin/tail")
	d.want(`document.querySelector("#tail-rows li").getBoundingClientRect().top < 844 / 2`)
	d.openLive("/admin")
	d.want(`document.querySelector(".charts").getBoundingClientRect().height < 300`)
	d.want(`Math.abs(document.querySelector(".rail").getBoundingClientRect().bottom - innerHeight) < 1`)
	d.run("scrollTo(0, document.documentElement.scrollHeight)")
	d.want(`Math.abs(document.querySelector(".rail").getBoundingClientRect().bottom - innerHeight) < 1`)
	d.want(`document.querySelector(".foot").getBoundingClientRect().bottom <= document.querySelector(".rail").getBoundingClientRect().top`)
	d.want(`document.documentElement.scrollWidth === 390`)
}
