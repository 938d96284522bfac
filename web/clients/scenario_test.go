package clients

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// channels are those that the clients subscribe to: plain, a path, one that needs escaping, and one without events.
var channels = []string{"news", "orders.eu", "Ünï côdé", "empty"}

// subscribeTo returns the path of a stream of the channels for a client.
func subscribeTo(clientID string) string {
	return "/subscribe?" + url.Values{"channels": {strings.Join(channels, ",")}, "clientId": {clientID}}.Encode()
}

// maxPayload is the default limit of a payload, in bytes.
const maxPayload = 60 << 10

// batch goes over several channels and types, with payloads that are easily garbled.
var batch = []event{
	{Channel: "news", Type: "message", Payload: "hi"},
	{Channel: "orders.eu", Type: "order.placed", Payload: map[string]any{"id": 12345678901234567, "paid": true, "note": nil}},
	{Channel: "Ünï côdé", Type: "foo", Payload: "line\r\nline\nline\u2028line\u2029 \U0001F9EE \x00 \ufeff data: id: <b>&amp;</b>"},
	{Channel: "news", Type: "bar", Payload: []any{0, "", nil, false, -1.5e300, []any{}}},
	{Channel: "news", Type: "message", Payload: nil},
	{Channel: "orders.eu", Type: "message", Payload: strings.Repeat("é", (maxPayload-2)/2)},
	{Channel: "Ünï côdé", Type: "message", Payload: ""},
	{Channel: "somebody.else", Type: "message", Payload: "not for these clients"},
	{Channel: "news", Type: "message", Payload: "{\"a\":\"string of JSON\"}"},
}

// ofChannels returns the events that the clients get.
func ofChannels(events []event) []event {
	var out []event
	for _, e := range events {
		if e.Channel != "somebody.else" {
			out = append(out, e)
		}
	}
	return out
}

// roomy keeps all that a test publishes, however long the test takes.
var roomy = []string{"--history-events=1000000", "--history-bytes=200MiB"}

// wantGreeting checks that a stream begins anew, and returns what follows.
func wantGreeting(t *testing.T, events []heard, clientID string, last map[string]event) []heard {
	t.Helper()
	events[0].wantOwn(t, "registered", "", map[string]any{"clientId": clientID, "resumed": false})
	for i, name := range channels {
		e := events[1+i]
		if e.ID != events[0].ID {
			t.Errorf("the lastEvent of %q has the id %s, registered has %s", name, e.ID, events[0].ID)
		}
		e.wantOwn(t, "lastEvent", name, lastPayload(last, name))
	}
	return events[1+len(channels):]
}

// lastPayload is what a lastEvent says of a channel.
func lastPayload(last map[string]event, channel string) map[string]any {
	e, ok := last[channel]
	if !ok {
		return nil
	}
	return map[string]any{"type": e.Type, "payload": e.Payload}
}

// TestResume cuts a client off in every way, while events come, and wants it to receive every event once and in order.
func TestResume(t *testing.T) {
	eachClient(t, clients, func(t *testing.T, c client) {
		srv := startServer(t, roomy...)
		net := startProxy(t, srv.addr)
		log := &ledger{server: srv}
		before := event{Channel: "orders.eu", Type: "order.placed", Payload: map[string]any{"id": 1}}
		log.publish(before)
		s := c.listen(t, net.url(subscribeTo("resumer")), 0)
		wantGreeting(t, s.first(t, 1+len(channels)), "resumer", map[string]event{before.Channel: before})

		// want waits until the client has heard what was published until now.
		want := func() {
			t.Helper()
			published := ofChannels(log.all())[1:]
			wantExactly(t, live(s.awaitLive(t, len(published)))[:len(published)], published)
		}
		// back waits until the client is back from a lost connection and has caught up.
		streams := 1
		back := func() {
			t.Helper()
			streams++
			s.awaitType(t, "registered", streams)[0].wantOwn(t, "registered", "", map[string]any{"clientId": "resumer", "resumed": true})
			want()
		}

		log.publish(batch...)
		want()

		stop := log.keepPublishing(channels[:3]...)
		want()
		net.cut(rst)
		back()
		net.cut(fin)
		back()
		const torn = "this event is torn in two"
		cut := net.cutWithin(torn)
		log.publish(event{Channel: "news", Type: "message", Payload: torn})
		select {
		case <-cut:
		case <-time.After(patience):
			t.Fatal("the event never passed")
		}
		back()
		stop()
		want()

		// What only slows a stream down doesn't end it.
		flow := net.stall()
		log.publish(batch...)
		flow()
		want()
		net.throttle(7, 10*time.Microsecond) // splits lines and characters
		log.publish(batch[:4]...)
		want()

		events := s.awaitLive(t, 0)
		for kind, want := range map[string]int{"registered": streams, "lastEvent": len(channels), "gap": 0, "goodbye": 0} {
			if got := count(events, kind); got != want {
				t.Errorf("the client heard %d of type %s, want %d", got, kind, want)
			}
		}
		wantExactly(t, live(events), ofChannels(log.all())[1:])
	})
}

// TestRestart ends the server under a client and starts another, which knows nothing of the first one's events.
func TestRestart(t *testing.T) {
	eachClient(t, clients, func(t *testing.T, c client) {
		srv := startServer(t)
		net := startProxy(t, srv.addr)
		log := &ledger{server: srv}
		s := c.listen(t, net.url(subscribeTo("stayer")), 0)
		wantGreeting(t, s.first(t, 1+len(channels)), "stayer", nil)
		log.publish(batch...)
		published := ofChannels(log.all())
		wantExactly(t, live(s.awaitLive(t, len(published))), published)

		net.to("")
		srv.stop()
		goodbye := s.awaitType(t, "goodbye", 1)[0]
		goodbye.wantOwn(t, "goodbye", "", map[string]any{"code": "draining", "reconnect": true})

		next := startServer(t)
		log = &ledger{server: next}
		last := map[string]event{"news": {Channel: "news", Type: "foo", Payload: "while you were away"}}
		log.publish(last["news"])
		net.to(next.addr)
		again := s.awaitType(t, "registered", 2)
		again[0].wantOwn(t, "registered", "", map[string]any{"clientId": "stayer", "resumed": false})
		if again[0].ID != goodbye.ID {
			t.Errorf("the id before the gaps is %s, want that of the goodbye, %s", again[0].ID, goodbye.ID)
		}
		told := 1 + 2*len(channels)
		again = s.await(t, "a gap and a lastEvent of each channel", func(events []heard, _ bool) bool {
			return len(events)-index(events, "registered", 2) >= told
		})
		again = again[index(again, "registered", 2):]
		for i, name := range channels {
			again[1+2*i].wantOwn(t, "gap", name, map[string]any{"after": goodbye.ID, "reason": "epoch"})
			again[2+2*i].wantOwn(t, "lastEvent", name, lastPayload(last, name))
		}
		if behind := again[2*len(channels)].ID; epoch(behind) == epoch(goodbye.ID) {
			t.Errorf("the id behind the gaps is %s, before the restart it was %s; want another epoch", behind, goodbye.ID)
		}

		// From here on it is a stream like any other.
		log.publish(batch...)
		s.awaitLive(t, len(published)+len(ofChannels(batch)))
		net.cut(rst)
		log.publish(batch...)
		s.awaitType(t, "registered", 3)[0].wantOwn(t, "registered", "", map[string]any{"resumed": true})
		published = append(published, ofChannels(log.all())[1:]...)
		events := s.awaitLive(t, len(published))
		wantExactly(t, live(events), published)
		if got := count(events, "gap"); got != len(channels) {
			t.Errorf("the client heard %d gaps, want one for each of %d channels", got, len(channels))
		}
	})
}

// TestKick wants a kicked client to stay away: its EventSource reconnects once by itself and is refused.
func TestKick(t *testing.T) {
	eachClient(t, clients, func(t *testing.T, c client) {
		srv := startServer(t, "--presence-grace=0s")
		s := c.listen(t, srv.url(subscribeTo("kicked one")), 0)
		wantGreeting(t, s.first(t, 1+len(channels)), "kicked one", nil)

		srv.kick("kicked one")
		events := s.awaitType(t, "goodbye", 1)
		events[0].wantOwn(t, "goodbye", "", map[string]any{"code": "kicked", "reconnect": false})
		if why := s.awaitEnd(t); why != "" && !strings.Contains(why, "204") {
			t.Errorf("the client ended with %q, want the status 204", why)
		}
		if got := s.first(t, 0); len(got) != 2+len(channels) {
			t.Errorf("the client heard more after the goodbye:\n%s", list(got))
		}
		if err := srv.ask("GET", "/presence/clients/kicked%20one", nil, 404, nil); err != nil {
			t.Error(err)
		}
	})
}

// TestSilence lets a connection die without a word. Clients that don't trust a silence come back and resume; the
// server's heartbeat is what keeps them from doing so while all is well.
func TestSilence(t *testing.T) {
	eachClient(t, []client{clients[2], clients[4]}, func(t *testing.T, c client) {
		srv := startServer(t, append(roomy, "--heartbeat=1s")...)
		net := startProxy(t, srv.addr)
		log := &ledger{server: srv}
		s := c.listen(t, net.url(subscribeTo("doubter")), 5*time.Second)
		wantGreeting(t, s.first(t, 1+len(channels)), "doubter", nil)
		log.publish(batch...)
		s.awaitLive(t, len(ofChannels(batch)))

		net.lose()
		log.publish(batch...)
		s.awaitType(t, "registered", 2)[0].wantOwn(t, "registered", "", map[string]any{"clientId": "doubter", "resumed": true})
		published := ofChannels(log.all())
		wantExactly(t, live(s.awaitLive(t, len(published))), published)
	})
}
