package clients

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// runNoScript turns off the scripts of the pages that the tab opens.
func (b *tab) runNoScript() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// wantStill waits until an expression is true in a page that runs no script, and so no timers to look with.
func (b *tab) wantStill(expression string) {
	b.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-look.C {
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); err == nil && ok {
			return
		}
	}
	b.t.Fatalf("waited in vain for %s\n%s", expression, b.look())
}

// press types keys wherever the focus is. Unlike with chromedp.KeyEvent, a page that takes a key for itself keeps its
// character from being typed, as with a keyboard.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, r := range keys {
			events := kb.Encode(r)
			down, up := events[0], events[len(events)-1]
			if len(events) == 3 {
				down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			}
			for _, e := range []*input.DispatchKeyEventParams{down, up} {
				if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, *e); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// stopKeyClock has all keys of the page pressed at one moment, however slowly they come.
func (b *tab) stopKeyClock() {
	b.t.Helper()
	b.run(`void Object.defineProperty(KeyboardEvent.prototype, "timeStamp", { value: 1 })`)
}

// TestDashboardKeys uses the dashboard without a mouse.
func TestDashboardKeys(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.openLive("/admin/clients")
	d.press("/")
	d.want(`document.activeElement === document.querySelector("#search")`)
	d.press("bo")
	d.want(`document.querySelector("#search").value === "bo"`) // and not "/bo"
	d.press("?")
	d.want(`document.querySelector("#search").value === "bo?"`) // in a field, keys are text
	d.press(kb.Escape)
	d.open("/admin")
	d.wantState("live")
	d.press("?")
	d.wantShown("#keys")
	d.want(`document.querySelector("#keys").contains(document.activeElement)`)
	d.press(kb.Escape)
	d.want(`document.querySelector("#keys")?.checkVisibility() !== true`)
	d.wantFocusSeen()
	d.wantQuiet(false)
}

// Rows are gone through, opened and closed, and feeds paused, without a mouse.
func TestDashboardKeysOfRows(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	log := &ledger{server: srv}
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	listenAs(t, srv, "carol").awaitType(t, "registered", 1)
	log.publish(event{Channel: "lobby", Type: "first", Payload: 1}, event{Channel: "lobby", Type: "second", Payload: 2})
	d := openDashboard(t, srv.url)
	d.openLive("/admin/tail")
	d.want(`document.querySelectorAll("#tail-rows > li").length === 2`)
	d.press("p")
	d.want(`document.querySelector("#tail-pause").ariaPressed === "true"`)
	d.press("jjk")
	d.want(`document.activeElement.textContent === "second"`) // the newest one
	d.press("j\r")
	d.wantSome("#event-panel")
	d.want(`document.querySelector("#event-panel").textContent.includes("first")`)
	d.press(kb.Escape)
	d.want(`document.querySelector("#event-panel") === null && document.activeElement.textContent === "first"`)
	d.openLive("/admin/clients")
	d.wantSome(clientRow("carol"))
	d.press("jj\r")
	d.wantPath("/admin/clients/carol")
	d.wantQuiet(false)
}

// stop is the focused element.
type stop struct {
	Name     string // of the element
	End      bool   // there is none, or it was there before
	Seen     bool   // the element is within the window
	Outlined bool   // it, what it draws itself, or what is drawn in place of it
}

// wantFocusSeen goes through the page with the tabulator. Wherever the focus is, it must be seen.
func (d *dashboard) wantFocusSeen() {
	d.t.Helper()
	d.run(`
		window.visited = new WeakSet();
		window.nextStop = () => {
			const at = document.activeElement;
			if (!at || at === document.body || visited.has(at)) return { Name: "", End: true, Seen: true, Outlined: true };
			visited.add(at);
			const drawn = [[at], [at, "::before"], [at, "::after"], [at.nextElementSibling ?? at]].map((a) => getComputedStyle(...a));
			const box = at.getBoundingClientRect();
			return {
				Name: at.outerHTML.slice(0, 120),
				End: false,
				Seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
				Outlined: drawn.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0),
			};
		};
		document.activeElement.blur();
	`)
	const most = 300
	for n := range most {
		d.press(kb.Tab)
		at := value[stop](d.tab, "nextStop()")
		if at.End {
			if n < 10 {
				d.t.Errorf("the page has %d tab stops", n)
			}
			d.t.Logf("%d tab stops", n)
			return
		}
		if !at.Seen || !at.Outlined {
			d.t.Errorf("the focus is not seen (in the window: %t, outlined: %t) on %s", at.Seen, at.Outlined, at.Name)
		}
	}
	d.t.Errorf("the page has more than %d tab stops", most)
}

// TestDashboardFitsAPhone looks for pages that are wider than the window.
func TestDashboardFitsAPhone(t *testing.T) {
	t.Parallel()
	srv := startDashboard(t)
	log := &ledger{server: srv}
	log.publish(batch...)
	listenAs(t, srv, "bob").awaitType(t, "registered", 1)
	d := openDashboard(t, srv.url)
	d.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	for _, path := range []string{"/admin", "/admin/clients", "/admin/clients/bob", "/admin/channels", "/admin/channels/news", "/admin/tail", "/admin/blocks", "/admin/audit", "/admin/server"} {
		d.open(path)
		d.wantState("live")
		if width := value[int](d.tab, "document.documentElement.scrollWidth"); width != 390 {
			t.Errorf("%s is %d px wide, want 390", path, width)
		}
	}
}
