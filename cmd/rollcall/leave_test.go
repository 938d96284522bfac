package main

import (
	"encoding/json"
	"net/http"
	"testing"
)

// leavePath is the path of a stream's leave, from its last registered event.
func leavePath(t *testing.T, s *source) string {
	t.Helper()
	var hello struct{ ConnectionID, Secret string }
	for _, ev := range s.events() {
		if ev.kind == "registered" {
			if err := json.Unmarshal([]byte(ev.payload()), &hello); err != nil || hello.Secret == "" {
				t.Fatalf("%v in %s", err, ev.data)
			}
		}
	}
	return "/presence/connections/" + hello.ConnectionID + "/leave?secret=" + hello.Secret
}

// A page sends its leave to any server; the server that gave the stream its secret checks it, and all servers learn of
// it.
func TestLeavesReachAllServers(t *testing.T) {
	t.Parallel()
	_, bases := newFleet(t, 1).nodes(2, "--presence-grace=1h")
	client := patient(t)
	watch := watchers(t, bases)
	for _, base := range bases {
		lea := open(t, "/subscribe?channels=l&clientId=lea", bases[0])
		wantOn(t, client, bases, "lea", "n1")
		path := base + leavePath(t, lea)
		lea.close()
		ask(t, client, path+"&now=1", "{}").want(t, http.StatusNoContent, "")
		wantOn(t, client, bases, "lea")
	}
	wantEdges(t, watch, "lea", "join leave join leave")

	// Without now=1 the stream ends and the grace runs.
	lou := open(t, "/subscribe?channels=l&clientId=lou", bases[0])
	wantOn(t, client, bases, "lou", "n1")
	id := decoded[member](t, client, bases[1]+"/presence/clients/lou").Connections[0].ConnectionID
	// With a wrong secret nothing happens: a later request to another server finds the stream open.
	bare := "/presence/connections/" + id + "/leave"
	ask(t, client, bases[1]+bare, "{}").want(t, http.StatusForbidden, "missing_secret")
	ask(t, client, bases[1]+bare+"?now=1&secret=x", "{}").want(t, http.StatusNoContent, "")
	ask(t, client, bases[0]+bare+"?now=1&secret=x", "{}").want(t, http.StatusForbidden, "wrong_secret")
	ask(t, client, bases[1]+leavePath(t, lou), "{}").want(t, http.StatusNoContent, "")
	until(t, "lou's stream comes back", func() bool {
		conns := decoded[member](t, client, bases[0]+"/presence/clients/lou").Connections
		return len(conns) == 1 && conns[0].ConnectionID != id
	})
	wantEdges(t, watch, "lou", "join")
}
