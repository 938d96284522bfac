package clients

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// The time between two values of a chart that is dragged over, and the one around a value that is clicked, has a page, which
// leads on in the same way and back. Shift and the arrow keys, and Enter, do the same.
func TestDashboardZoomsCharts(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	const span = `(Date.parse(new URLSearchParams(location.search).get("to")) - Date.parse(new URLSearchParams(location.search).get("from"))) / 1000`
	shaded := func(n int) string {
		return fmt.Sprintf(`[...document.querySelectorAll(".chart-chosen")].filter((e) => !e.hasAttribute("hidden") && Number(e.getAttribute("width")) > 0).length === %d`, n)
	}

	d.openLive("/admin")
	d.mouse(input.DispatchMouseEventTypeMousePressed, "#chart-lag svg", .5)
	d.mouse(input.DispatchMouseEventTypeMouseMoved, "#chart-lag svg", .6)
	d.mouse(input.DispatchMouseEventTypeMouseMoved, "#chart-lag svg", .75)
	d.want(shaded(6)) // all charts of the time
	d.mouse(input.DispatchMouseEventTypeMouseReleased, "#chart-lag svg", .75)
	d.wantPath("/admin/period")
	d.want(span + " > 150 && " + span + " < 300")
	d.want(`document.querySelector("#chart-lag").dataset.step === "1000" && document.querySelector("#live-state").hidden`)

	// A part of it, by keys.
	d.key("#chart-clients", "ArrowLeft", 20, false)
	d.key("#chart-clients", "ArrowLeft", 30, true)
	d.want(shaded(6))
	d.key("#chart-clients", "Escape", 1, false)
	d.want(shaded(0))
	d.key("#chart-clients", "ArrowLeft", 30, true)
	d.key("#chart-clients", "Enter", 1, false)
	d.want(span + " === 31")

	// Around one value.
	d.openLive("/admin?range=24h")
	d.mouse(input.DispatchMouseEventTypeMousePressed, "#chart-memory svg", .9)
	d.mouse(input.DispatchMouseEventTypeMouseReleased, "#chart-memory svg", .9)
	d.wantPath("/admin/period")
	d.want(span + " === 360")
	d.want(`document.querySelector("#done").textContent.includes("No operator")`)
	d.click(hook("period-reset"))
	d.wantPath("/admin")
	d.wantState("live")
	d.key("#chart-clients", "ArrowLeft", 1, false)
	d.want(`document.querySelector("#chart-memory .chart-readout").textContent.includes(" · ")`)
	d.key("#chart-clients", "Enter", 1, false)
	d.wantPath("/admin/period")
	d.want(span + " === 30")
	d.wantQuiet(false)
}

// The wall display fills its screen, is dark whatever the viewer prefers, and says from afar that nothing comes any more.
func TestDashboardWall(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	d := openDashboard(t, srv.url)
	for _, size := range [][2]int64{{1920, 1080}, {2560, 1440}, {390, 844}} {
		d.dress(size[0], "light")
		d.do(chromedp.EmulateViewport(size[0], size[1]))
		d.openLive("/admin/wall")
		d.want("document.documentElement.scrollWidth <= innerWidth")
		d.want(`getComputedStyle(document.body).backgroundColor === "rgb(15, 19, 26)"`)
		if size[0] < 1000 {
			d.want(`[...document.querySelectorAll(".figures, .chart, .warnings")].every((e, i, all) =>
				i === 0 || e.getBoundingClientRect().top >= all[i - 1].getBoundingClientRect().bottom)`)
			d.want(`document.querySelector(".wall-head h1").clientHeight < 40`)
			continue
		}
		d.want(`document.documentElement.scrollHeight <= innerHeight && document.querySelector("#main").getBoundingClientRect().bottom <= innerHeight`)
		d.want(`[...document.querySelectorAll(".chart-plot")].every((e) => e.clientHeight > innerHeight / 8 && e.clientWidth > innerWidth / 5)`)
		d.want(`[...document.querySelectorAll(".figure-value")].every((e) => parseFloat(getComputedStyle(e).fontSize) > innerHeight / 30)`)
	}
	d.do(chromedp.EmulateViewport(1920, 1080))
	d.openLive("/admin/wall")
	d.press("?/") // nothing to open
	if err := srv.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.cmd.Process.Signal(syscall.SIGCONT) })
	d.want(`document.querySelector("#live-label").textContent.startsWith("Stale · ") && parseFloat(getComputedStyle(document.querySelector("#live-state")).fontSize) > 60`)
	if err := srv.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	d.wantState("live")
	d.want(`parseFloat(getComputedStyle(document.querySelector("#live-state")).fontSize) < 30`)
	d.wantQuiet(false)
}

// key sends a key to an element a number of times.
func (d *dashboard) key(selector, key string, times int, shift bool) {
	d.t.Helper()
	d.run(fmt.Sprintf(`{
		const element = document.querySelector(%q);
		element.focus();
		for (let i = 0; i < %d; i++) element.dispatchEvent(new KeyboardEvent("keydown", { key: %q, shiftKey: %t, bubbles: true }));
	}`, selector, times, key, shift))
}

// mouse sends an event of the left button at a place of an element, as a share of its width.
func (d *dashboard) mouse(kind input.DispatchMouseEventType, selector string, share float64) {
	d.t.Helper()
	at := value[[]float64](d.tab, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({ block: "center" });
		const { left, top, width, height } = element.getBoundingClientRect();
		return [left + width * %g, top + height / 2];
	})()`, selector, share))
	event := input.DispatchMouseEventParams{Type: kind, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1}
	d.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, event)
		return err
	}))
}
