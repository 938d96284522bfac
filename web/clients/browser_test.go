package clients

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	neturl "net/url"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is the one browser of all tests. It is started by the first that needs it and ended by closeBrowser.
var browser struct {
	start sync.Once
	ctx   context.Context
	err   error
	stop  func()
}

// needBrowser returns a context of the running browser.
func needBrowser(t *testing.T) context.Context {
	t.Helper()
	path := chromium.need(t)
	browser.start.Do(func() {
		ctx, stop := chromedp.NewExecAllocator(context.Background(),
			chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
			chromedp.Flag("disable-dev-shm-usage", true),
			chromedp.Flag("disable-background-networking", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true),
			chromedp.Flag("ignore-certificate-errors", true), // of --tls-dev
			// Several windows are at work at once, none of them in the foreground.
			chromedp.Flag("disable-background-timer-throttling", true),
			chromedp.Flag("disable-backgrounding-occluded-windows", true),
			chromedp.Flag("disable-renderer-backgrounding", true),
			// Processes that no test needs: a page in advance for each profile, the lists below the address bar, a driver.
			chromedp.Flag("disable-features", "SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
			chromedp.Flag("disable-extensions", true),
			chromedp.Flag("in-process-gpu", true),
		)
		browser.stop = stop
		browser.ctx, _ = chromedp.NewContext(ctx) // ends with ctx
		browser.err = chromedp.Do(browser.ctx)
	})
	if browser.err != nil {
		t.Fatalf("%s doesn't start: %v", path, browser.err)
	}
	return browser.ctx
}

// closeBrowser ends the browser, if there is one, and waits for it.
func closeBrowser() {
	if browser.stop != nil {
		_ = chromedp.Cancel(browser.ctx)
		browser.stop()
	}
}

// tab is a page in the browser. Its methods are for the goroutine of its test.
type tab struct {
	t   *testing.T
	ctx context.Context

	read    chan struct{} // gets a value for each endOfConsole that was read
	mu      sync.Mutex
	console []chromedp.ConsoleMessage
}

// endOfConsole is what messages writes, to know when it has read all before it.
const endOfConsole = "the console was read up to here"

// newTab opens a blank page in a window of a profile of its own: with its own storage and its own connections.
func newTab(t *testing.T) *tab {
	t.Helper()
	return openTab(t, needBrowser(t), chromedp.WithNewBrowserContext())
}

// another opens a blank page in the profile of b. It is closed by the returned func or with the test.
func (b *tab) another() (*tab, func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	other := openTab(b.t, ctx)
	return other, func() {
		_ = chromedp.Cancel(other.ctx)
		cancel()
	}
}

func openTab(t *testing.T, parent context.Context, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	b := &tab{t: t, ctx: ctx, read: make(chan struct{}, 100)}
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("opening a tab: %v", err)
	}
	var running sync.WaitGroup
	messages := chromedp.Console(ctx)
	running.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Text == endOfConsole {
				b.read <- struct{}{}
				continue
			}
			b.mu.Lock()
			b.console = append(b.console, m)
			b.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return b
}

// do runs actions, which must succeed.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.look())
	}
}

// run evaluates a script, which must not throw.
func (b *tab) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script))
}

// want waits until an expression is true in the page. In a page that is just being loaded, it may throw. It asks by a
// timer: asking at each frame has the browser draw all frames.
func (b *tab) want(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*patience)
	defer cancel()
	poll := chromedp.Poll[chromedp.Void]("(() => { try { return ("+expression+") } catch { return false } })()",
		chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond))
	_, err := chromedp.Run(ctx, poll)
	for lost := new(cdproto.Error); errors.As(err, &lost); { // by a page that was just being left
		_, err = chromedp.Run(ctx, poll)
	}
	if err != nil {
		b.t.Fatalf("waited in vain for %s: %v\n%s", expression, err, b.look())
	}
}

// wantSome waits until there is an element for the CSS selector.
func (b *tab) wantSome(selector string) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// value returns what a script evaluates to.
func value[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", script, err, b.look())
	}
	return v
}

// click clicks on an element as a visitor does. If a live page replaces the element between the look-up and the click,
// it clicks on the new one.
func (b *tab) click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := errReplaced
	for isReplaced(err) {
		err = chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector)))
	}
	if err != nil {
		b.t.Fatalf("click on %s: %v\n%s", selector, err, b.look())
	}
}

// errReplaced is what Chromium answers about an element that is no longer in the page.
var errReplaced error = &cdproto.Error{Code: -32000, Message: "Could not find node with given id"}

func isReplaced(err error) bool {
	var e *cdproto.Error
	return errors.As(err, &e) && e.Error() == errReplaced.Error()
}

// fill types text into a field in place of what is there.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.click(selector)
	b.run(fmt.Sprintf("document.querySelector(%q).select()", selector))
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// look returns what the page shows, for the report of a failure.
func (b *tab) look() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("the page is %.4000s (%v); its console has %v", text, err, b.console)
}

// messages returns what the page has written to its console until now.
func (b *tab) messages() []chromedp.ConsoleMessage {
	b.t.Helper()
	b.run(fmt.Sprintf("console.debug(%q)", endOfConsole))
	select {
	case <-b.read:
	case <-time.After(patience):
		b.t.Fatal("the console can't be read")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.console[:len(b.console):len(b.console)]
}

// listenInBrowser listens with the browser's own EventSource, in a page of the server that has no script. It keeps to
// the retry that the server asks for.
func listenInBrowser(t *testing.T, url string, _ time.Duration) *session {
	at, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	b := newTab(t)
	s := newSession()
	b.onReport(s.report)
	b.do(chromedp.Navigate("http://" + at.Host + "/healthz"))
	names, _ := json.Marshal(types)
	b.run(fmt.Sprintf("%s; listen(new EventSource(%q), %s, (said) => report(JSON.stringify(said)))", listenScript, at.RequestURI(), names))
	return s
}

//go:embed node/listen.js
var listenScript string

// onReport gives the page a function report(text), which calls take, in order.
func (b *tab) onReport(take func(text []byte)) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	var running sync.WaitGroup
	target := chromedp.FromContext(b.ctx).Target
	calls := cdp.Events(ctx, target, runtime.BindingCalled)
	running.Go(func() {
		for call, err := range calls {
			if err != nil {
				return
			}
			take([]byte(call.Payload))
		}
	})
	b.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, runtime.AddBinding, runtime.AddBindingParams{Name: "report"})
		return err
	}))
}
