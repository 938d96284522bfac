package templates

// DemoView is the content of a demo page. The zero value renders a useful page.
type DemoView struct {
	Version string // as in StartView
	BaseURL string // as in StartView
	Admin   bool   // as in StartView
}

// The demo pages' initial values.
const (
	sampleRoom   = "developers"
	sampleMember = "ada"
	sampleAnswer = "7"
)

// demoPage returns the frame of a demo page. Its own module is the first of modules.
func (v DemoView) demoPage(title string, modules ...string) page {
	p := page{title: title + " · Rollcall", version: v.Version, styles: []string{"demo.css"}, admin: v.Admin}
	if len(modules) > 0 {
		p.modules = append(modules, "demo.js", "curl.js", "/rollcall.js", "dom.js")
	}
	return p
}

// withState adds the state of the page's stream at the right end of the top bar.
func (p page) withState() page {
	p.status = startState()
	return p
}

// base returns the server's address in a command.
func (v DemoView) base() part {
	return part{shellQuoted(StartView{BaseURL: v.BaseURL}.withDefaults().BaseURL), "base"}
}

func (v DemoView) chatCommands() []command {
	return []command{
		{"room", "Read along", "earlier messages, then new ones",
			[]part{{"curl -N '", ""}, v.base(), {"/messages?room=", ""}, {sampleRoom, "room"}, {"&user=curl'", ""}}},
		{"say", "Say something", "as anybody",
			[]part{{"curl '", ""}, v.base(), {"/messages' -H 'Content-Type: application/json' -d '", ""},
				{`{"text":"Hello from a terminal","room":"` + sampleRoom + `","user":"curl"}`, "say"}, {"'", ""}}},
	}
}

func (v DemoView) notificationCommands() []command {
	return []command{
		{"device", "One more device", "a tablet of the same member",
			[]part{{"curl -N '", ""}, v.base(), {"/events?memberId=", ""}, {sampleMember, "member"}, {"&deviceId=tablet'", ""}}},
		{"notify", "Notify", "all devices of the member",
			[]part{{"curl '", ""}, v.base(), {"/events?memberId=", ""}, {sampleMember, "member"},
				{`' -H 'Content-Type: application/json' -d '{"event":{"type":"ORDER_SHIPPED","body":{"text":"Sent from a terminal"}}}'`, ""}}},
	}
}

func (v DemoView) timeCommands() []command {
	return []command{
		{"time", "All of it", "the answer ends by itself", []part{{"curl -N '", ""}, v.base(), {"/sse/time'", ""}}},
		{"time-rest", "The rest of it", "after 90, ten more",
			[]part{{"curl -N '", ""}, v.base(), {"/sse/time' -H 'Last-Event-ID: 90'", ""}}},
	}
}

func (v DemoView) answerCommands() []command {
	return []command{
		{"answer", "Watch", "all of it, and then the rest as it comes",
			[]part{{"curl -N '", ""}, v.base(), {"/subscribe?channels=answer.", ""}, {sampleAnswer, "answer"}, {"&from=oldest'", ""}}},
		{"answer-stop", "Stop", "as any of the tabs does",
			[]part{{"curl '", ""}, v.base(), {`/publish' -d '{"events":[{"channelName":"answer.`, ""}, {sampleAnswer, "answer"},
				{`.control","type":"stop","payload":"A terminal"}]}'`, ""}}},
		{"answer-model", "Be the model", "what you type goes into another channel; Ctrl+D ends it",
			[]part{{"curl -T- '", ""}, v.base(), {"/publish/stream?channel=story&type=text&append=text&end=true'", ""}}},
	}
}

// question is one that the model of the answers page can answer.
type question struct{ text, icon string }

// The questions, in the order of the answers in assets/demoanswers.js.
var questions = []question{
	{"Tell me a story about a lighthouse.", "M6 14.5l1-8.5h2l1 8.5M4.5 14.5h7M6.7 6V3.5L8 2l1.3 1.5V6M11 4.2l3-1M11 5.5l3 .6M5 4.2l-3-1M5 5.5l-3 .6"},
	{"What happens when I reload this page?", "M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 1.8v3h-3"},
	{"How do I make a good cup of tea?", "M2.5 6h9v4a3.5 3.5 0 0 1-3.5 3.5H6A3.5 3.5 0 0 1 2.5 10zM11.5 7H13a1.5 1.5 0 0 1 0 3.5h-1.6M5 1.8v2M8 1.8v2"},
}

// notification is a kind of event on the notifications page.
type notification struct{ kind, label, icon string }

var notifications = []notification{
	{"ORDER_SHIPPED", "Order shipped", "M1.5 3.5h8v7h-8zM9.5 6h2.6l2.4 2.5v2h-5M4.5 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11.8 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z"},
	{"PAYMENT_RECEIVED", "New payment", "M2.5 3.5h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM1.5 6.5h13M4 10h2.5"},
	{"MESSAGE_RECEIVED", "New message", "M2.5 2.5h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H7l-3.5 2.7v-2.7h-1a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM4.5 5.8h7M4.5 8.4h4.5"},
	{"PRICE_DROPPED", "Price dropped", "M2 4.5l4.2 4.2 2.6-2.6 5.2 5.4M14 7.8v3.7h-3.7"},
}

// Drawings of the two devices.
const (
	iconPhone  = "M5 1.5h6a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1zM7.2 12.3h1.6"
	iconLaptop = "M3.5 3h9a1 1 0 0 1 1 1v6.5h-11V4a1 1 0 0 1 1-1zM1 12.8h14"
)
