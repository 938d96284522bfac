package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// One server of three is cut off from NATS, which the others still reach. It says so, its streams stay open and
// receive nothing false; for the others its clients leave, each once. When it is back it has everything, in order.
func TestPartition(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the lease of a server that is cut off")
	}
	t.Parallel()
	f := newFleet(t, 1)
	p := newProxy(t, f.url(0))
	limits := []string{"--presence-grace=1s", "--history-events=100000", "--history-bytes=64MiB"}
	_, bases := f.nodes(2, limits...)
	cut := newNode(t, append(limits, "--nats="+p.url(), "--node=cut", "--admin-user=ops", "--admin-password=correct horse")...)
	client := patient(t)
	ops := logIn(t, cut.url, "ops", "correct horse")
	nodesPage := func() string { return ask(t, ops, cut.url+"/admin/nodes", "").want(t, http.StatusOK, "").body }

	others := watchers(t, bases)
	own := open(t, "/presence/stream", cut.url)
	ann := open(t, "/subscribe?channels=c&clientId=ann", bases[0])
	var ids []string
	list := []*source{ann}
	for i := range 10 {
		ids = append(ids, fmt.Sprint("client", i))
		list = append(list, open(t, "/subscribe?channels=c&clientId="+ids[i], cut.url))
	}
	for _, id := range append(ids, "ann") {
		wantEdges(t, append(others, own), id, "join")
	}
	r := publishOn(t, "c", bases...)
	r.more(t, 50)
	if page := nodesPage(); strings.Contains(page, "The view of the other servers is") {
		t.Error("/admin/nodes speaks of an old view before there is one")
	}

	var never []string // payloads that were certainly not published
	tries := 0
	p.hold(true)
	until(t, "the cut server is not ready", func() bool { return ready(client, cut.url) == http.StatusServiceUnavailable })
	refused := func() bool { // with an outcome_unknown first, which may arrive once the network is back
		payload := fmt.Sprint("unknown", tries)
		tries++
		p := post(client, cut.url, event{Channel: "other", Type: "message", Payload: payload})
		if p.Status != http.StatusServiceUnavailable {
			t.Fatalf("publish to the cut server: %+v", p)
		}
		if p.Error.Code != "outcome_unknown" {
			never = append(never, payload)
		}
		return p.Error.Code == "store_unavailable"
	}
	until(t, "publishes to the cut server are refused", refused)
	until(t, "it shows how old its view is", func() bool { return strings.Contains(nodesPage(), "The view of the other servers is") })
	for _, id := range ids {
		wantEdges(t, others, id, "join leave")
		for _, base := range bases {
			if got := on(t, client, base, id); got != nil {
				t.Errorf("%s is a ghost on %v for %s", id, got, base)
			}
		}
		wantOn(t, client, []string{cut.url}, id, "cut")
	}
	wantOn(t, client, []string{cut.url}, "ann", "n1") // as it was last known
	if got := ready(client, cut.url); got != http.StatusServiceUnavailable || !refused() {
		t.Errorf("/readyz of the cut server: %d", got)
	}
	ask(t, client, cut.url+"/healthz", "").want(t, http.StatusOK, "")
	bob := open(t, "/subscribe?channels=c&clientId=bob", cut.url) // new clients are served from memory
	bob.until(t, "bob is told the last event", func(all []sse) bool { return len(only(all, "lastEvent")) == 1 })
	list[1].close()
	wantOn(t, client, []string{cut.url}, ids[0])
	r.more(t, 50)

	p.hold(false)
	until(t, "the cut server is ready", func() bool { return ready(client, cut.url) == http.StatusOK })
	r.more(t, 50)
	r.finish()
	for i, s := range list {
		if i == 1 {
			continue // the client that left meanwhile
		}
		r.wantInOrder(t, s)
		if s.streams() != 1 || len(only(s.events(), "goodbye")) > 0 {
			t.Errorf("%s had %d streams", s.path, s.streams())
		}
	}
	for _, id := range ids[1:] {
		wantOn(t, client, append(bases, cut.url), id, "cut")
		wantEdges(t, others, id, "join leave join")
		wantEdges(t, []*source{own}, id, "join")
	}
	wantOn(t, client, append(bases, cut.url), "bob", "cut")
	wantEdges(t, append(others, own), "bob", "join")
	wantEdges(t, append(others, own), "ann", "join")
	wantEdges(t, append(others, own), ids[0], "join leave")
	for _, base := range bases {
		if got := on(t, client, base, ids[0]); got != nil {
			t.Errorf("%s is a ghost on %v for %s", ids[0], got, base)
		}
	}
	until(t, "its view is not old", func() bool { return !strings.Contains(nodesPage(), "The view of the other servers is") })
	if own.streams() != 1 {
		t.Errorf("there were %d presence streams, want that the first stays open", own.streams())
	}
	for _, e := range history(t, client, bases[0], "other") {
		if slices.Contains(never, e.Payload) {
			t.Errorf("%v was refused, and is kept", e)
		}
	}
}
