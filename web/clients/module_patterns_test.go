package clients

import (
	"fmt"
	"testing"
)

// TestModulePatterns has tabs that follow patterns over one stream, whose connection is cut and whose leader is closed. Each has
// every event of the channels it follows once.
func TestModulePatterns(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--presence-grace=2s")
	net := startProxy(t, srv.addr)
	log := &ledger{server: srv}
	said := func(channel string, payload any) event {
		return event{Channel: channel, Type: "message", Payload: payload}
	}
	log.publish(said("orders.1", "before"))
	first := newTab(t)
	first.follow(net.url(""), `{ channels: ["orders.>"], clientId: "ada" }`)
	first.want(`firsts.length === 1 && firsts[0].startsWith("orders.1 ")`)
	second, _ := first.another()
	second.follow(net.url(""), `{ channels: ["orders.*", "orders.2"], clientId: "ada", from: "oldest" }`)
	log.publish(said("orders.2", 1), said("orders.3.paid", 2), said("news", 3), said("orders.2", 4))
	all := log.all()
	of := func(n ...int) (list []event) {
		for _, i := range n {
			list = append(list, all[i])
		}
		return list
	}
	first.wantHeard(of(1, 2, 4))
	second.wantHeard(of(0, 1, 4))
	srv.wantOn("ada", "orders.>", "orders.*", "orders.2")
	srv.wantConnections("ada", 1)

	net.to("")
	net.cut(rst)
	log.publish(said("orders.4", 5), said("orders.2", 6))
	net.to(srv.addr)
	all = log.all()
	first.wantHeard(of(1, 2, 4, 5, 6))
	second.wantHeard(of(0, 1, 4, 5, 6))

	// A tab that comes later has what was kept; the one with the stream goes.
	third, _ := first.another()
	third.follow(net.url(""), `{ channels: ["orders.>"], clientId: "ada", from: "oldest" }`)
	third.wantHeard(of(0, 1, 2, 4, 5, 6))
	first.run(`rollcall.close()`)
	log.publish(said("orders.5", 7), said("orders.5.paid", 8))
	all = log.all()
	second.wantHeard(of(0, 1, 4, 5, 6, 7))
	third.wantHeard(of(0, 1, 2, 4, 5, 6, 7, 8))

	// A text in pieces: whoever comes in the middle has it whole.
	for i, text := range []string{"Once ", "upon ", "a ", "time"} {
		body := fmt.Sprintf(`{"events":[{"channelName":"orders.text","type":"message","payload":%q,"append":"t"}]}`, text)
		if err := srv.ask("POST", "/publish", []byte(body), 200, nil); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			third.run(`heard.length = 0; rollcall.remove("orders.>"); rollcall.add("orders.text", "orders.text.*")`)
		}
	}
	third.want(`heard.map(({ data }) => JSON.parse(data).payload).join("") === "Once upon a time"`)
	second.want(`heard.slice(6).map(({ data }) => JSON.parse(data).payload).join("") === "Once upon a time"`)
	for _, b := range []*tab{first, second, third} {
		b.want(`errors.filter(({ code }) => code !== "network").length === 0`)
	}
}
