package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"rollcall/web/auth"
)

// member is a client in the presence API.
type member struct {
	ClientID    string
	Connections []struct{ ConnectionID, Node string }
}

// on returns the nodes of a client's connections as seen from base, nil if it is not online.
func on(t *testing.T, client *http.Client, base, id string) (nodes []string) {
	t.Helper()
	got := ask(t, client, base+"/presence/clients/"+id, "")
	if got.status == http.StatusNotFound {
		return nil
	}
	var m member
	if err := json.Unmarshal([]byte(got.body), &m); err != nil {
		t.Fatalf("%v in %s", err, got.body)
	}
	for _, c := range m.Connections {
		nodes = append(nodes, c.Node)
	}
	slices.Sort(nodes)
	return nodes
}

// wantOn waits until all servers show a client's connections on these nodes.
func wantOn(t *testing.T, client *http.Client, bases []string, id string, nodes ...string) {
	t.Helper()
	for _, base := range bases {
		until(t, fmt.Sprintf("%s shows %s on %v", base, id, nodes), func() bool { return slices.Equal(on(t, client, base, id), nodes) })
	}
}

// edges returns a presence stream's events about a client: "join leave".
func edges(all []sse, id string) string {
	var list []string
	for _, e := range only(all, "join", "leave") {
		if strings.Contains(e.data, `"clientId":"`+id+`"`) {
			list = append(list, e.kind)
		}
	}
	return strings.Join(list, " ")
}

// watchers opens a presence stream on each server.
func watchers(t *testing.T, bases []string) (list []*source) {
	t.Helper()
	for _, base := range bases {
		list = append(list, open(t, "/presence/stream", base))
	}
	return list
}

// wantEdges waits until all presence streams have these events about a client.
func wantEdges(t *testing.T, list []*source, id, want string) {
	t.Helper()
	for _, w := range list {
		w.until(t, fmt.Sprintf("%s is told to have done %q", id, want), func(all []sse) bool { return len(edges(all, id)) >= len(want) })
		if got := edges(w.events(), id); got != want {
			t.Errorf("%s was told to have done %q, want %q", id, got, want)
		}
	}
}

func TestServersShareOneLogAndOnePresence(t *testing.T) {
	t.Parallel()
	_, bases := newFleet(t, 1).nodes(3, "--presence-grace=4s")
	client := patient(t)
	t.Run("together", func(t *testing.T) {
		t.Run("events", func(t *testing.T) { t.Parallel(); shareEvents(t, client, bases) })
		t.Run("keys", func(t *testing.T) { t.Parallel(); shareKeys(t, client, bases) })
		t.Run("presence", func(t *testing.T) { t.Parallel(); sharePresence(t, client, bases) })
		t.Run("info", func(t *testing.T) { t.Parallel(); shareInfo(t, client, bases) })
		t.Run("kicks", func(t *testing.T) { t.Parallel(); shareKicks(t, client, bases) })
	})
}

func shareEvents(t *testing.T, client *http.Client, bases []string) {
	still := open(t, "/subscribe?channels=left,right", bases[0])
	moving := open(t, "/subscribe?channels=left,right", bases...)
	acked := new(acknowledged)
	var publishers sync.WaitGroup
	for i, channel := range []string{"left", "right"} { // two nodes at once
		publishers.Go(func() {
			for n := range 60 {
				var batch []event
				for k := range 10 {
					batch = append(batch, event{Channel: channel, Type: "message", Payload: fmt.Sprint(n, " ", k)})
				}
				p := post(client, bases[1+i], batch...)
				if p.Status != http.StatusOK {
					t.Errorf("publish: %+v", p)
					return
				}
				acked.add(p, batch)
				_, first := position(p.Events[0].ID)
				if _, last := position(p.Events[9].ID); last != first+9 {
					t.Errorf("a batch of 10 has the numbers from %d to %d", first, last)
				}
				if n%15 == 0 {
					moving.drop()
				}
			}
		})
	}
	publishers.Wait()
	all := merged(t, client, bases[0], "left", "right")
	acked.wantAmong(t, all)
	wantRising(t, all)
	for _, base := range bases[1:] {
		until(t, "all servers have all events", func() bool { return slices.Equal(merged(t, client, base, "left", "right"), all) })
	}
	still.wantAll(t, all)
	moving.wantAll(t, all)
	if still.streams() != 1 || moving.streams() < 3 {
		t.Errorf("there were %d and %d streams, want 1 and more", still.streams(), moving.streams())
	}
}

func shareKeys(t *testing.T, client *http.Client, bases []string) {
	for n := range 10 {
		e := event{Channel: "keys", Type: "message", Payload: fmt.Sprint(n), Key: fmt.Sprint("key", n)}
		answers := make([]posted, len(bases))
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = post(client, bases[i], e) })
		}
		all.Wait()
		first := 0
		for _, p := range answers {
			if p.Status != http.StatusOK || p.Events[0].ID != answers[0].Events[0].ID {
				t.Fatalf("a key sent to three servers: %+v", answers)
			}
			if !p.Events[0].Duplicate {
				first++
			}
		}
		if first != 1 {
			t.Errorf("%d servers say that they were the first: %+v", first, answers)
		}
	}
	if got := history(t, client, bases[0], "keys"); len(got) != 10 {
		t.Errorf("10 keys gave %d events: %v", len(got), got)
	}
}

func sharePresence(t *testing.T, client *http.Client, bases []string) {
	list := watchers(t, bases)
	ann := open(t, "/subscribe?channels=p&clientId=ann", bases[0])
	open(t, "/subscribe?channels=p&clientId=bob", bases[2])
	wantOn(t, client, bases, "ann", "n1")
	wantOn(t, client, bases, "bob", "n3")
	wantEdges(t, list, "ann", "join")
	for _, base := range bases {
		got := decoded[struct {
			Clients []struct {
				ClientID    string
				Connections int
			}
			Total int
		}](t, client, base+"/presence/clients?channel=p")
		if fmt.Sprint(got) != "{[{ann 1} {bob 1}] 2}" {
			t.Errorf("%s shows %v", base, got)
		}
	}

	second := open(t, "/subscribe?channels=q&clientId=ann", bases[1]) // one client, two nodes
	wantOn(t, client, bases, "ann", "n1", "n2")
	second.close()
	wantOn(t, client, bases, "ann", "n1")
	ann.move(bases[1])
	wantOn(t, client, bases, "ann", "n2")

	// A client that leaves after ann has moved is reported as gone: so ann would be, too.
	mark := open(t, "/subscribe?channels=p&clientId=mark", bases[0])
	wantEdges(t, list, "mark", "join")
	mark.close()
	wantEdges(t, list, "mark", "join leave")
	wantEdges(t, list, "ann", "join")
	ann.close()
	wantEdges(t, list, "ann", "join leave")
}

// All servers show what the newest connection says of its client; after it has ended, and its grace, what the other says.
func shareInfo(t *testing.T, client *http.Client, bases []string) {
	shows := func(name string) {
		t.Helper()
		for _, base := range bases {
			until(t, base+" shows "+name, func() bool {
				return strings.Contains(ask(t, client, base+"/presence/clients/ina", "").body, `"info":{"name":"`+name+`"}`)
			})
		}
	}
	path := "/subscribe?channels=i&clientId=ina"
	open(t, path+"&info="+url.QueryEscape(`{"name":"first"}`), bases[0])
	shows("first")
	second := open(t, path+"&info="+url.QueryEscape(`{"name":"second"}`), bases[1])
	shows("second")
	second.close()
	shows("first")

	// What the client sets is shown by all, whichever server it asks; of a stream that has ended, by none.
	third := open(t, path, bases[0])
	var hello struct{ ConnectionID, Secret string }
	if err := json.Unmarshal([]byte(third.events()[0].payload()), &hello); err != nil {
		t.Fatal(err)
	}
	for i, base := range bases {
		name := fmt.Sprint("set by way of ", i)
		set := base + "/presence/connections/" + hello.ConnectionID + "/info?secret="
		put(t, client, set+hello.Secret, `{"name":"`+name+`"}`, http.StatusNoContent)
		shows(name)
		if base != bases[0] {
			put(t, client, set+"guessed", `{"name":"eve"}`, http.StatusNoContent) // not at the stream's server
		} else {
			put(t, client, set+"guessed", `{"name":"eve"}`, http.StatusForbidden)
		}
	}
	third.close()
	shows("first")
}

// put sends a PUT request.
func put(t *testing.T, client *http.Client, url, body string, status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != status {
		t.Errorf("PUT %s: %d, want %d", url, answer.StatusCode, status)
	}
}

func shareKicks(t *testing.T, client *http.Client, bases []string) {
	kay := open(t, "/subscribe?channels=k&clientId=kay", bases[0])
	wantOn(t, client, bases, "kay", "n1")
	remove(t, client, bases[1]+"/presence/clients/kay")
	until(t, "kay stays away", func() bool { return kay.away() == http.StatusNoContent })
	all := kay.events()
	if last := all[len(all)-1]; last.kind != "goodbye" || !strings.Contains(last.data, "kicked") {
		t.Errorf("the last event is %v", last)
	}
	back := bases[1] + "/subscribe?channels=k&clientId=kay"
	ask(t, client, back, "", "Last-Event-ID: "+all[0].id).want(t, http.StatusNoContent, "")
	open(t, "/subscribe?channels=k&clientId=kay", bases[1]) // a page that is loaded anew

	ken := open(t, "/subscribe?channels=k&clientId=ken", bases[2])
	wantOn(t, client, bases, "ken", "n3")
	id := decoded[member](t, client, bases[1]+"/presence/clients/ken").Connections[0].ConnectionID
	remove(t, client, bases[1]+"/presence/connections/"+id)
	until(t, "ken stays away", func() bool { return ken.away() == http.StatusNoContent })
}

// A server that starts has the clients that left another one within the grace: if they come to it, they do not join.
func TestAServerThatStartsKnowsWhoJustLeft(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	old := f.node("n1", "--presence-grace=10m")
	client := patient(t)
	open(t, "/subscribe?clientId=ann&channels=a,b&info=%7B%22name%22%3A%22Ann%22%7D", old.url).close()
	type list struct {
		Clients []struct {
			ClientID    string
			Connections int
			Channels    []string
			Info        struct{ Name string }
		}
	}
	shown := func(base string) string {
		return fmt.Sprint(decoded[list](t, client, base+"/presence/clients"))
	}
	const want = "{[{ann 0 [a b] {Ann}}]}"
	until(t, "ann has left", func() bool { return shown(old.url) == want })
	fresh := f.node("n2", "--presence-grace=10m")
	if got := shown(fresh.url); got != want {
		t.Fatalf("the new server shows %s, want %s", got, want)
	}
	watcher := open(t, "/presence/stream", fresh.url)
	open(t, "/subscribe?clientId=ann&channels=a,b", fresh.url)
	open(t, "/subscribe?clientId=bob&channels=a", fresh.url)
	watcher.until(t, "bob joins", func(all []sse) bool { return len(only(all, "join")) > 0 })
	if got := edges(watcher.events(), "ann"); strings.Contains(got, "join") {
		t.Errorf("the watcher saw %q of ann", got)
	}
}

func TestBlocksHoldOnAllServers(t *testing.T) {
	t.Parallel()
	nodes, bases := newFleet(t, 1).nodes(2, "--admin-user=ops", "--admin-password=correct horse")
	client := patient(t)
	const path = "/subscribe?channels=b&clientId=eve"
	eve := open(t, path, bases[0])
	wantOn(t, client, bases, "eve", "n1")
	remove(t, client, bases[1]+"/presence/clients/eve?block=10m")
	until(t, "eve stays away", func() bool { return eve.away() == http.StatusNoContent })
	ask(t, client, bases[1]+path, "").want(t, http.StatusNoContent, "")
	ask(t, client, bases[0]+path, "").want(t, http.StatusNoContent, "")

	nodes[0].signal(syscall.SIGTERM)
	nodes[0].wantExit(0)
	nodes[0].again()
	ask(t, client, bases[0]+path, "").want(t, http.StatusNoContent, "")

	ops := logIn(t, bases[0], "ops", "correct horse")
	form := url.Values{"clientId": {"eve"}}.Encode()
	ask(t, ops, bases[0]+"/admin/blocks/remove", form, "Content-Type: application/x-www-form-urlencoded").want(t, http.StatusSeeOther, "")
	for _, base := range bases {
		until(t, "eve may come back to "+base, func() bool {
			answer := send(t, t.Context(), client, base+path, "")
			_ = answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		})
	}
}

// A block of a network ends its streams on the other servers, holds there and over a restart, and is lifted everywhere.
func TestNetworkBlocksHoldOnAllServers(t *testing.T) {
	t.Parallel()
	nodes, bases := newFleet(t, 1).nodes(2, "--admin-user=ops", "--admin-password=correct horse")
	client := patient(t)
	const path = "/subscribe?channels=b&clientId=eve"
	eve := open(t, path, bases[0])
	wantOn(t, client, bases, "eve", "n1")
	act := func(path string, pairs ...string) {
		t.Helper()
		form := url.Values{"network": {"127.0.0.0/24"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		ops := logIn(t, bases[1], "ops", "correct horse")
		ask(t, ops, bases[1]+path, form.Encode(), "Content-Type: application/x-www-form-urlencoded").want(t, http.StatusSeeOther, "")
	}
	act("/admin/blocks/network", "for", "10m", "confirm", "1")
	until(t, "eve stays away", func() bool { return eve.away() == http.StatusNoContent })
	for _, base := range bases {
		ask(t, client, base+path, "").want(t, http.StatusNoContent, "")
		ask(t, client, base+"/history?channel=b", "").want(t, http.StatusForbidden, `"blocked"`)
	}
	nodes[0].signal(syscall.SIGTERM)
	nodes[0].wantExit(0)
	nodes[0].again()
	ask(t, client, bases[0]+path, "").want(t, http.StatusNoContent, "")

	act("/admin/blocks/remove")
	for _, base := range bases {
		until(t, "eve may come back to "+base, func() bool {
			answer := send(t, t.Context(), client, base+path, "")
			_ = answer.Body.Close()
			return answer.StatusCode == http.StatusOK
		})
	}
}

// A block refuses the client's token on all servers, whatever it asks for, and ends its presence stream on another server.
func TestBlocksHoldForTokensOnAllServers(t *testing.T) {
	t.Parallel()
	key, line := newKey(t, "root", auth.Admin|auth.Presence, ">")
	_, bases := newFleet(t, 1).nodes(2, "--jwt-secret="+jwtSecret, "--api-key="+line)
	client := patient(t)
	token := "access_token=" + newToken(t, []byte(jwtSecret), func(c *auth.Claims) { c.Subject, c.Publish = "eve", c.Subscribe })
	watching := open(t, "/presence/stream?channels=room.b&"+token, bases[0])
	ask(t, client, bases[0]+"/publish?"+token, strings.ReplaceAll(hello, "news", "room.b")).want(t, http.StatusOK, "")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, bases[1]+"/presence/clients/eve?block=10m", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("the block: %s", answer.Status)
	}
	until(t, "the presence stream stays away", func() bool { return watching.away() == http.StatusNoContent })
	for _, base := range bases {
		for _, path := range []string{"/history?channel=room.b&", "/lastEvent?channel=room.b&", "/presence/clients?channel=room.b&"} {
			ask(t, client, base+path+token, "").want(t, http.StatusForbidden, `"blocked"`)
		}
		ask(t, client, base+"/publish?"+token, strings.ReplaceAll(hello, "news", "room.b")).want(t, http.StatusForbidden, `"blocked"`)
		ask(t, client, base+"/subscribe?channels=room.b&"+token, "").want(t, http.StatusNoContent, "")
	}
}

func TestAKilledServersClientsLeaveOnce(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the lease of a dead server")
	}
	nodes, bases := newFleet(t, 1).nodes(3, "--presence-grace=2s")
	client := patient(t)
	list := watchers(t, bases[:2])
	open(t, "/subscribe?channels=c&clientId=ann", bases[0])
	wantEdges(t, list, "ann", "join")
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprint("client", i))
		open(t, "/subscribe?channels=c&clientId="+ids[i], bases[2])
	}
	for _, id := range ids {
		wantEdges(t, list, id, "join")
	}
	nodes[2].signal(syscall.SIGKILL)
	nodes[2].wantExit(-1)
	for _, id := range ids {
		wantEdges(t, list, id, "join leave")
		if got := on(t, client, bases[0], id); got != nil {
			t.Errorf("%s is a ghost on %v", id, got)
		}
	}
	nodes[2].again()
	if first := open(t, "/presence/stream", bases[2]).events()[0]; first.kind != "snapshot" || !strings.Contains(first.data, `"clientId":"ann"`) {
		t.Errorf("a new server begins with %v, want ann in it", first)
	}
	for _, id := range ids {
		wantOn(t, client, bases, id, "n3")
		wantEdges(t, list, id, "join leave join")
	}
}
