package clients

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// row is the selector of a row of the event log; an id of "" means any.
func row(kind, channel, id string) string {
	selector := fmt.Sprintf(`#events li[data-type="%s"][data-channel="%s"]`, kind, channel)
	if id != "" {
		selector += fmt.Sprintf(`[data-id="%s"]`, id)
	}
	return selector
}

// openStartPage opens the start page and waits until it is live, which it gets by itself.
func (b *tab) openStartPage(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.wantSome(`#state[data-state="live"]`)
}

// subscribeAs has the start page subscribe to channels as a client.
func (b *tab) subscribeAs(clientID string, channels ...string) {
	b.t.Helper()
	b.fill("#channels", strings.Join(channels, ", "))
	b.fill("#client-id", clientID)
	b.click("#connect")
	for _, name := range channels {
		b.wantSome(row("lastEvent", name, ""))
	}
	b.want(fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", row("registered", "", ""), clientID))
	b.wantSome(`#state[data-state="live"]`)
}

// write fills in the publish form.
func (b *tab) write(channel, kind, payload string) {
	b.t.Helper()
	b.fill("#publish-channel", channel)
	b.fill("#publish-type", kind)
	b.fill("#publish-payload", payload)
}

// wantOnline waits until the start page shows exactly these clients.
func (b *tab) wantOnline(clientIDs ...string) {
	b.t.Helper()
	for _, id := range clientIDs {
		b.wantSome(fmt.Sprintf(`#online-list li[data-client=%q]`, id))
	}
	b.want(fmt.Sprintf("document.querySelectorAll('#online-list li').length === %d", len(clientIDs)))
	b.want(fmt.Sprintf("document.querySelector('#online-count').textContent === '%d'", len(clientIDs)))
}

// wantQuiet checks that the page's console has no complaints, including violations of its content policy. Network
// errors are accepted if the test causes them.
func (b *tab) wantQuiet(networkFails bool) {
	b.t.Helper()
	for _, m := range b.messages() {
		bad := m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.Source == "security"
		if bad && !(networkFails && m.Source == "network") {
			b.t.Errorf("the page's console says %s (%s, %s:%d)", m, m.Source, m.URL, m.Line)
		}
	}
}

var ids = regexp.MustCompile(`[a-z0-9]+-\d+`)

// TestStartPage does with the start page what it is for.
func TestStartPage(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=0s")
	net := startProxy(t, srv.addr)
	log := &ledger{server: srv}
	b := newTab(t)
	b.openStartPage(net.url("/"))
	b.subscribeAs("alice", "lobby", "orders")
	b.wantOnline("alice")

	// A batch over two channels, one of its types unheard of before.
	b.write("lobby", "message", `hello <b>lobby</b> & "all"`)
	b.click("#publish-add")
	b.write("orders", "order.placed", `{"id": 7}`)
	b.click("#publish-send")
	b.wantSome(`#publish-result[data-state="ok"]`)
	published := ids.FindAllString(value[string](b, "document.querySelector('#publish-result').textContent"), -1)
	if len(published) != 2 {
		t.Fatalf("the page names the ids %q, want two", published)
	}
	b.wantSome(row("message", "lobby", published[0]))
	b.wantSome(row("order.placed", "orders", published[1]))
	b.want(fmt.Sprintf("document.querySelector(%q).textContent.includes('hello <b>lobby</b> & \"all\"')", row("message", "lobby", "")))
	b.want(fmt.Sprintf("document.querySelector('#position').textContent === %q", published[1]))

	// Another client joins, reads along, and leaves.
	other, leave := b.another()
	other.openStartPage(net.url("/#channels=lobby&clientId=bob"))
	other.wantSome(row("lastEvent", "lobby", ""))
	for _, page := range []*tab{b, other} {
		page.wantOnline("alice", "bob")
	}
	greeting := event{Channel: "lobby", Type: "message", Payload: "hello bob"}
	log.publish(greeting)
	hello := log.all()[0].ID
	for _, page := range []*tab{b, other} {
		page.wantSome(row("message", "lobby", hello))
	}
	other.wantQuiet(false)
	leave()
	b.wantOnline("alice")
	b.wantQuiet(false)

	// The connection is lost and comes back with what was missed.
	b.run(`
		window.states = [];
		new MutationObserver(() => states.push(document.querySelector("#state").dataset.state))
			.observe(document.querySelector("#state"), { attributeFilter: ["data-state"] });
	`)
	net.cut(rst)
	log.publish(event{Channel: "orders", Type: "order.placed", Payload: "missed"})
	b.want(`states.at(-1) === "live"`)
	if states := value[[]string](b, "states"); states[0] != "waiting" {
		t.Errorf("the page showed the states %q, want waiting first", states)
	}
	b.wantSome(row("order.placed", "orders", log.all()[1].ID))
	b.want(fmt.Sprintf("document.querySelector(%q).textContent.includes('resumed')", row("registered", "", "")))
	b.wantOnline("alice")
	for _, once := range []string{row("message", "lobby", published[0]), row("order.placed", "orders", log.all()[1].ID)} {
		if n := value[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", once)); n != 1 {
			t.Errorf("there are %d rows %s, want one", n, once)
		}
	}
	b.wantQuiet(true)

	// Nothing of a batch is published if one of its events is invalid.
	b.write("lobby", "message", "never")
	b.click("#publish-add")
	b.write("lobby", "gap", "reserved")
	b.click("#publish-send")
	b.want(`document.querySelector('#publish-result[data-state="error"]')?.textContent.includes("reserved")`)

	// Kicked, it stays away; the visitor may come back.
	srv.kick("alice")
	b.wantSome(`#state[data-state="closed"]`)
	b.wantSome(row("goodbye", "", ""))
	if err := srv.ask(http.MethodGet, "/presence/clients/alice", nil, http.StatusNotFound, nil); err != nil {
		t.Error(err)
	}
}

// TestStartPageFitsAPhone looks for anything that is wider than the window.
func TestStartPageFitsAPhone(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := &ledger{server: srv}
	b := newTab(t)
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	fits := func(when string) {
		t.Helper()
		if width := value[int](b, "document.documentElement.scrollWidth"); width != 390 {
			t.Errorf("%s the page is %d px wide, want 390", when, width)
		}
	}
	b.openStartPage(srv.url("/"))
	fits("at first")

	long := strings.Repeat("unbreakable", 20)
	b.subscribeAs(long, "lobby", long)
	b.write(long, "message", strings.Repeat("w", 200))
	b.click("#publish-add")
	b.write("lobby", long[:64], "x")
	b.click("#publish-send")
	b.wantSome(row(long[:64], "lobby", ""))
	b.wantSome(fmt.Sprintf(`#online-list li[data-client=%q]`, long))
	log.publish(event{Channel: "lobby", Type: "message", Payload: map[string]string{long: strings.Repeat(long, 10)}})
	b.wantSome(row("message", "lobby", log.all()[0].ID))
	fits("full of long words")
	b.wantQuiet(false)
}
