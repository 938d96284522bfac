package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// joinRoom opens the chat and joins a room under a name.
func (b *tab) joinRoom(url func(string) string, name, room string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url("/demo/chat?room=" + room)))
	b.fill("#join-name", name)
	b.click(hook("join"))
	b.wantSome(`#state[data-state="live"]`)
}

// say writes into the chat's field and presses Enter.
func (b *tab) say(text string) {
	b.t.Helper()
	b.fill("#say", text)
	b.press("\r")
}

// wantSaid waits until the chat's messages are these, oldest first.
func (b *tab) wantSaid(texts ...string) {
	b.t.Helper()
	list, err := json.Marshal(texts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.want(fmt.Sprintf("JSON.stringify([...document.querySelectorAll('#messages .bubble')].map((p) => p.textContent)) === JSON.stringify(%s)", list))
}

// wantHere waits until the chat lists exactly these members.
func (b *tab) wantHere(names ...string) {
	b.t.Helper()
	slices.Sort(names)
	b.want(fmt.Sprintf("[...document.querySelectorAll('#here-list li')].map((li) => li.dataset.client).sort().join() === %q", strings.Join(names, ",")))
}

// wantLine waits until the newest notice in the chat begins so.
func (b *tab) wantLine(text string) {
	b.t.Helper()
	b.want(fmt.Sprintf("[...document.querySelectorAll('#messages [data-line]')].at(-1)?.textContent.startsWith(%q)", text))
}

// TestDemoChat has people talk in a room, and see each other join and leave.
func TestDemoChat(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=0s", "--max-payload=200B")
	net := startProxy(t, srv.addr)
	ada, bob := newTab(t), newTab(t)
	ada.joinRoom(net.url, "Ada", "developers")
	ada.wantHere("Ada")
	bob.joinRoom(srv.url, "Bob", "developers")
	for _, b := range []*tab{ada, bob} {
		b.wantHere("Ada", "Bob")
	}
	ada.wantLine("Bob joined")

	// What people say is text, whatever it looks like, and may have several lines.
	const hello = `hello <b onclick="alert(1)">Bob</b> & all`
	ada.say(hello)
	bob.wantSaid(hello)
	bob.fill("#say", "one line,")
	bob.pressShiftEnter()
	bob.do(insert("and another"))
	bob.press("\r")
	for _, b := range []*tab{ada, bob} {
		b.wantSaid(hello, "one line,\nand another")
		b.wantSome(`#messages [data-user="Ada"]`)
	}
	ada.want(`document.querySelector('#messages [data-user="Ada"]').dataset.own === "true" && document.querySelector("#say").value === ""`)
	bob.want(`document.querySelector('#messages [data-user="Ada"]').dataset.own === "false"`)

	// What the server refuses stays in the field, with the reason.
	long := strings.Repeat("too long ", 30)
	ada.say(long)
	ada.want(fmt.Sprintf(`document.querySelector("#say-result").textContent.includes("200") && document.querySelector("#say").value === %q`, long))
	ada.fill("#say", "short")
	ada.want(`document.querySelector("#say-result").textContent === ""`)

	// A late visitor sees earlier messages; a returning one gets the missed messages, once.
	cleo := newTab(t)
	cleo.joinRoom(srv.url, "Cleo", "developers")
	cleo.wantSaid(hello, "one line,\nand another")
	ada.wantHere("Ada", "Bob", "Cleo")
	net.cut(rst)
	bob.say("missed")
	ada.wantSaid(hello, "one line,\nand another", "missed")
	ada.wantSome(`#state[data-state="live"]`)
	ada.wantHere("Ada", "Bob", "Cleo")

	bob.click(hook("leave"))
	bob.want(`document.querySelector("#join").checkVisibility()`)
	ada.wantHere("Ada", "Cleo")
	ada.wantLine("Bob left")
	ada.wantQuiet(true)
	bob.wantQuiet(false)
	cleo.wantQuiet(false)
}

// TestDemoChatKeepsItsPlace reads back while others go on talking.
func TestDemoChatKeepsItsPlace(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := &ledger{server: srv}
	said := func(text string) event {
		return event{Channel: "room.long", Type: "message", Payload: map[string]string{"text": text, "user": "Bob"}}
	}
	for n := range 60 {
		log.publish(said(fmt.Sprintf("message %d", n)))
	}
	b := newTab(t)
	b.joinRoom(srv.url, "Ada", "long")
	const atEnd = `document.querySelector("#scroll").scrollTop + document.querySelector("#scroll").clientHeight > document.querySelector("#scroll").scrollHeight - 5`
	b.want(`document.querySelectorAll("#messages .bubble").length === 60 && ` + atEnd)
	log.publish(said("seen at once"))
	b.want(`document.querySelectorAll("#messages .bubble").length === 61 && ` + atEnd)

	b.run(`document.querySelector("#scroll").scrollTop = 0`)
	b.want(`document.querySelector("#scroll").scrollTop === 0`)
	log.publish(said("below"), said("further below"))
	b.want(`document.querySelector("#newer").checkVisibility() && document.querySelector("#newer").textContent.startsWith("2 new messages")`)
	if top := value[float64](b, `document.querySelector("#scroll").scrollTop`); top != 0 {
		t.Errorf("the messages moved to %v under who reads them", top)
	}
	b.click(hook("newer"))
	b.want(`!document.querySelector("#newer").checkVisibility() && ` + atEnd)
	b.wantQuiet(false)
}

// TestDemoChatAsksAgain names a room that can't be.
func TestDemoChatAsksAgain(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	b := newTab(t)
	b.do(chromedp.Navigate(srv.url("/demo/chat")))
	b.fill("#join-name", "Ada")
	b.fill("#join-room", "one,two")
	b.click(hook("join"))
	b.want(`document.querySelector("#refused").checkVisibility() && document.querySelector("#refused").textContent.includes("comma")`)
	b.want(`document.querySelector("#join").checkVisibility() && document.activeElement.id === "join-name"`)
	b.fill("#join-room", "one")
	b.click(hook("join"))
	b.wantSome(`#state[data-state="live"]`)
	b.want(`!document.querySelector("#refused").checkVisibility()`)
	b.wantHere("Ada")
	b.wantQuiet(true)
}

// wantNotes waits until a device shows that many notifications, so many of them missed.
func (b *tab) wantNotes(device string, all, missed int) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.querySelectorAll('#%s .note').length === %d && document.querySelectorAll('#%s .note[data-missed=true]').length === %d", device, all, device, missed))
}

// wantPresence waits until the page shows the member's devices.
func (b *tab) wantPresence(text string) {
	b.t.Helper()
	b.want(fmt.Sprintf("document.querySelector('#presence').textContent === %q", text))
}

// openNotifications opens the notifications of a member and waits until both devices are live.
func (b *tab) openNotifications(url func(string) string, member string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url("/demo/notifications?member=" + member)))
	b.wantSome(`#phone[data-state="live"]`)
	b.wantSome(`#laptop[data-state="live"]`)
}

// wantNobody waits until no client is online.
func (s *server) wantNobody() {
	s.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-look.C {
		var online struct{ Total int }
		if err := s.ask(http.MethodGet, "/presence/clients", nil, http.StatusOK, &online); err != nil {
			s.t.Fatal(err)
		}
		if online.Total == 0 {
			return
		}
	}
	s.t.Fatal("somebody stays online")
}

// TestDemoNotifications switches a device off and on again.
func TestDemoNotifications(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=0s")
	b := newTab(t)
	b.openNotifications(srv.url, "ada")
	b.wantPresence("ada is online with laptop and phone.")
	b.click(hook("ORDER_SHIPPED"))
	b.wantNotes("phone", 1, 0)
	b.wantNotes("laptop", 1, 0)

	b.run(`document.querySelector('[data-testid="phone-switch"]').click()`)
	b.wantSome(`#phone[data-state="closed"]`)
	b.wantPresence("ada is online with laptop.")
	b.click(hook("PAYMENT_RECEIVED"))
	b.wantNotes("laptop", 2, 0)
	b.click(hook("MESSAGE_RECEIVED"))
	b.wantNotes("laptop", 3, 0)
	b.want(`document.querySelector('#phone [data-part="off"]').textContent.includes("2 notifications")`)
	b.wantNotes("phone", 1, 0)

	b.run(`document.querySelector('[data-testid="phone-switch"]').click()`)
	b.wantNotes("phone", 3, 2)
	b.wantPresence("ada is online with laptop and phone.")
	b.click(hook("PRICE_DROPPED"))
	b.wantNotes("phone", 4, 2)
	kinds := value[string](b, `[...document.querySelectorAll("#phone .note")].map((li) => li.dataset.kind).join(" ")`)
	if want := "PRICE_DROPPED MESSAGE_RECEIVED PAYMENT_RECEIVED ORDER_SHIPPED"; kinds != want {
		t.Errorf("the phone shows %s, want %s", kinds, want)
	}

	// The server stores each device's position: a reloaded page gets the missed events.
	b.do(chromedp.Navigate("about:blank"))
	srv.wantNobody()
	body := []byte(`{"event":{"type":"ORDER_SHIPPED","body":{"text":"<i>late</i>"}}}`)
	if err := srv.ask(http.MethodPost, "/events?memberId=ada", body, http.StatusAccepted, nil); err != nil {
		t.Fatal(err)
	}
	b.openNotifications(srv.url, "ada")
	b.wantNotes("phone", 1, 1)
	b.wantNotes("laptop", 1, 1)
	b.want(`document.querySelector("#phone .note p").textContent === "<i>late</i>"`)
	b.wantQuiet(false)
}

// TestDemoTime waits for the end, and for that of another round.
func TestDemoTime(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	b := newTab(t)
	b.do(chromedp.Navigate(srv.url("/demo/time")))
	for round := 1; round <= 2; round++ {
		b.want(fmt.Sprintf(`document.querySelector("#rounds").textContent === "%d"`, round))
		b.want(`document.querySelector("#outcome").textContent.startsWith("Ended: 100 events") && document.querySelector("#progress").value === 100`)
		b.wantSome(`#state[data-state="closed"]`)
		ids := value[[]string](b, `[...document.querySelectorAll("#ticks li")].map((li) => li.dataset.id)`)
		if len(ids) != 100 || ids[0] != "1" || ids[99] != "100" {
			t.Errorf("round %d has the events %v", round, ids)
		}
		if round == 1 {
			b.click(hook("again"))
		}
	}
	b.wantQuiet(false)
}

// TestDemoIndex goes from the start page to each demo and back.
func TestDemoIndex(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	b := newTab(t)
	b.openStartPage(srv.url("/"))
	b.click(`a[href$="/demo/"]`)
	arrived := func(path string) {
		t.Helper()
		b.want(fmt.Sprintf("location.pathname === %q && document.readyState === 'complete'", path))
	}
	for _, name := range []string{"chat", "notifications", "time"} {
		arrived("/demo/")
		b.click(hook("demo-" + name))
		arrived("/demo/" + name)
		b.click(`.crumb a`)
	}
	arrived("/demo/")
	b.wantQuiet(false)
}

// TestDemoWithoutCredentials shows what a server says that doesn't let everybody in.
func TestDemoWithoutCredentials(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--jwt-secret="+strings.Repeat("secret", 6))
	const refused = `document.querySelector("#refused").checkVisibility() && document.querySelector("#refused").textContent.includes("needs credentials")`
	b := newTab(t)
	b.do(chromedp.Navigate(srv.url("/demo/chat")))
	b.fill("#join-name", "Ada")
	b.click(hook("join"))
	b.want(refused)
	b.say("hello")
	b.want(`document.querySelector("#say-result").textContent.includes("needs credentials") && document.querySelector("#say").value === "hello"`)
	b.do(chromedp.Navigate(srv.url("/demo/notifications")))
	b.want(refused)
	b.click(hook("ORDER_SHIPPED"))
	b.want(`document.querySelector("#sent").textContent.includes("needs credentials")`)
	b.wantQuiet(true)
}

// TestDemosFitAPhone looks for anything that is wider than the window.
func TestDemosFitAPhone(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	long := strings.Repeat("unbreakable", 3)
	b := newTab(t)
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	fits := func(page string) {
		t.Helper()
		if width := value[int](b, "document.documentElement.scrollWidth"); width != 390 {
			t.Errorf("%s is %d px wide, want 390", page, width)
		}
	}
	b.do(chromedp.Navigate(srv.url("/demo/")))
	b.wantSome(hook("demo-chat"))
	fits("the index")
	b.joinRoom(srv.url, long, long)
	b.wantHere(long)
	b.say(strings.Repeat(long, 5))
	b.wantSaid(strings.Repeat(long, 5))
	fits("the chat")
	b.openNotifications(srv.url, long)
	b.click(hook("ORDER_SHIPPED"))
	b.wantNotes("laptop", 1, 0)
	fits("notifications")
	b.do(chromedp.Navigate(srv.url("/demo/time")))
	b.want(`document.querySelector("#outcome").textContent.startsWith("Ended")`)
	fits("the time")
	b.do(chromedp.Navigate(srv.url("/demo/answers")))
	fits("the questions")
	b.click(hook("question-1"))
	b.want(`document.querySelector("#text").textContent.length > 40`)
	fits("an answer")
	b.click(hook("stop"))
	b.wantQuiet(false)
}

// pressShiftEnter begins a new line.
func (b *tab) pressShiftEnter() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		const shift = 8
		key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Modifiers: shift, Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13}
		if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, key); err != nil {
			return err
		}
		key.Type, key.Text = input.DispatchKeyEventTypeKeyUp, ""
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, key)
		return err
	}))
}

// insert types text into the focused element.
func insert(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// wantProgress waits until the page of an answer says so of it.
func (b *tab) wantProgress(begins string) {
	b.t.Helper()
	b.want(fmt.Sprintf(`document.querySelector("#progress").textContent.startsWith(%q)`, begins))
}

// slowClock has the model of the pages that the tab opens type at a quarter of its pace.
func (b *tab) slowClock() {
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: "const now = performance.now.bind(performance); performance.now = () => now() / 4;",
		})
		return err
	}))
}

// TestDemoAnswers watches an answer from two tabs, reloads one in the middle, and stops it from the other.
func TestDemoAnswers(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=2s")
	ada, bob := newTab(t), newTab(t)
	for _, b := range []*tab{ada, bob} {
		b.slowClock() // the answer may not be complete before it is stopped
	}
	ada.do(chromedp.Navigate(srv.url("/demo/answers")))
	ada.click(hook("question-0"))
	ada.want(`document.querySelector("#text").textContent.length > 60`)
	ada.wantProgress("Writing")
	bob.do(chromedp.Navigate(value[string](ada, `document.querySelector("#second").href`)))
	for _, b := range []*tab{ada, bob} {
		b.want(`document.querySelectorAll("#watching li").length === 2 && document.querySelector("#watching-count").textContent === "2"`)
		b.want(`document.querySelector("#question").textContent === "Tell me a story about a lighthouse."`)
	}
	bob.wantSome(`#received [data-type="text"][data-joined="true"]`)

	ada.do(chromedp.Reload())
	ada.wantSome(`#received [data-type="text"][data-joined="true"]`)
	ada.want(`document.querySelectorAll('#received [data-type="text"]').length === 2`) // the text so far, and what came since
	ada.want(`document.querySelectorAll("#watching li").length === 2`)
	if joined := value[int](ada, `document.querySelectorAll('#received [data-joined="true"]').length`); joined != 1 {
		t.Errorf("the text so far came as %d events", joined)
	}

	bob.want(`document.querySelectorAll("#watching li").length === 2`)
	who := value[string](bob, `document.querySelector("#watching li").dataset.client.split("-")[0]`) // itself; the list ends with the answer
	bob.click(hook("stop"))
	for _, b := range []*tab{ada, bob} {
		b.wantProgress("Stopped by " + who)
		b.want(`document.querySelector("#state-label").textContent === "Stays away" && document.querySelector("#stop").hidden`)
	}
	text := value[string](ada, `document.querySelector("#text").textContent`)
	bob.want(fmt.Sprintf(`document.querySelector("#text").textContent === %q`, text))
	late := newTab(t)
	late.do(chromedp.Navigate(value[string](ada, "location.href")))
	late.wantProgress("Stopped")
	late.want(fmt.Sprintf(`document.querySelector("#text").textContent === %q`, text))
	for _, b := range []*tab{ada, bob, late} {
		b.wantQuiet(true) // each browser has a model: the slower one's words may come after the end, and are refused
	}
}

// TestDemoAnswersGoOn closes the tab that is the model: the next one goes on, and the whole text comes once.
func TestDemoAnswersGoOn(t *testing.T) {
	if testing.Short() {
		t.Skip("the answer takes its time")
	}
	t.Parallel()
	srv := startServer(t)
	first := newTab(t)
	first.do(chromedp.Navigate(srv.url("/demo/answers")))
	first.click(hook("question-2"))
	first.want(`document.querySelector("#text").textContent.length > 60`)
	second, _ := first.another()
	second.do(chromedp.Navigate(value[string](first, "location.href")))
	second.want(`document.querySelector("#text").textContent.length > 90`)
	first.do(chromedp.Navigate("about:blank"))
	second.wantProgress("Complete")
	text := value[string](second, `document.querySelector("#text").textContent`)
	if !strings.HasPrefix(text, "Begin with more water than you need,") || !strings.HasSuffix(text, "so take it before it gets cold.") ||
		len(strings.Fields(text)) != 187 {
		t.Errorf("the answer has %d words: %s", len(strings.Fields(text)), text)
	}
	second.wantQuiet(false)
}

// TestDemoScreenshots photographs the demo pages, as TestScreenshots does those of the dashboard. It is no test either.
func TestDemoScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no directory")
	}
	srv := startServer(t, "--presence-grace=0s")
	d := &dashboard{newTab(t), srv.url}
	d.open("/demo/")
	d.shoot(dir, "demo")

	log := &ledger{server: srv}
	say := func(user, text string) {
		log.publish(event{Channel: "room.developers", Type: "message", Payload: map[string]string{"user": user, "text": text}})
	}
	d.open("/demo/chat")
	d.shoot(dir, "demo-chat-join")
	say("Grace", "Good morning! The nightly build is green again.")
	say("Grace", "It was the time zone after all. It is always the time zone.")
	say("Linus", "Nice. I’ll merge the resume fix then:\nit passed 10 000 reconnects without a hole.")
	d.joinRoom(srv.url, "Ada", "developers")
	d.say("Lovely. I’ll write the notes for the release.")
	for _, name := range []string{"Grace", "Linus", "Margaret"} {
		other := newTab(t)
		other.joinRoom(srv.url, name, "developers")
		d.wantLine(name + " joined")
	}
	say("Margaret", "Morning, all. Did I miss anything?")
	say("Linus", "Only that <b>markup</b> stays text here. 😀")
	d.say("Scroll up, Margaret: it is all there, from before you came.")
	d.wantSome(`#messages .message:last-child[data-own="true"]`)
	d.run("scrollTo(0, 0)")
	d.shoot(dir, "demo-chat")

	d.openNotifications(srv.url, "ada")
	d.click(hook("MESSAGE_RECEIVED"))
	d.wantNotes("phone", 1, 0)
	d.run(`document.querySelector('[data-testid="phone-switch"]').click()`)
	d.wantPresence("ada is online with laptop.")
	d.click(hook("ORDER_SHIPPED"))
	d.wantNotes("laptop", 2, 0)
	d.click(hook("PRICE_DROPPED"))
	d.wantNotes("laptop", 3, 0)
	d.shoot(dir, "demo-notifications-off")
	d.run(`document.querySelector('[data-testid="phone-switch"]').click()`)
	d.wantNotes("phone", 3, 2)
	d.wantPresence("ada is online with laptop and phone.")
	d.shoot(dir, "demo-notifications")

	d.open("/demo/answers")
	d.shoot(dir, "demo-answers-ask")
	d.click(hook("question-1"))
	d.want(`document.querySelector("#text").textContent.length > 260`)
	d.run(`location.reload()`)
	d.want(`document.querySelector("#received [data-joined=true]") !== null && document.querySelector("#text").textContent.length > 420`)
	other := newTab(t)
	other.do(chromedp.Navigate(value[string](d.tab, `document.querySelector("#second").href`)))
	d.want(`document.querySelectorAll("#watching li").length === 2`)
	d.shoot(dir, "demo-answers")
	other.click(hook("stop"))
	d.wantProgress("Stopped by ")
	d.shoot(dir, "demo-answers-stopped")

	d.open("/demo/time")
	d.want(`document.querySelector("#outcome").textContent.startsWith("Ended")`)
	d.shoot(dir, "demo-time")

	d.url = startServer(t, "--jwt-secret="+strings.Repeat("secret", 6)).url
	d.open("/demo/notifications?member=ada")
	d.wantShown("#refused")
	d.click(hook("ORDER_SHIPPED"))
	d.wantShown("#sent[data-state=error]")
	d.shoot(dir, "demo-refused")
}
