package main

import (
	"net/http"
	"testing"
)

// A page tells that it leaves to whichever server it reaches; all know then.
func TestLeavesReachAllServers(t *testing.T) {
	_, bases := newFleet(t, 1).nodes(2, "--presence-grace=1h")
	client := patient(t)
	watch := watchers(t, bases)
	for _, base := range bases {
		lea := open(t, "/subscribe?channels=l&clientId=lea", bases[0])
		wantOn(t, client, bases, "lea", "n1")
		id := decoded[member](t, client, base+"/presence/clients/lea").Connections[0].ConnectionID
		lea.close()
		ask(t, client, base+"/presence/connections/"+id+"/leave?now=1", "{}").want(t, http.StatusNoContent, "")
		wantOn(t, client, bases, "lea")
	}
	wantEdges(t, watch, "lea", "join leave join leave")

	// Without now=1 the stream ends and the grace runs.
	open(t, "/subscribe?channels=l&clientId=lou", bases[0])
	wantOn(t, client, bases, "lou", "n1")
	id := decoded[member](t, client, bases[1]+"/presence/clients/lou").Connections[0].ConnectionID
	ask(t, client, bases[1]+"/presence/connections/"+id+"/leave", "{}").want(t, http.StatusNoContent, "")
	until(t, "lou's stream comes back", func() bool {
		conns := decoded[member](t, client, bases[0]+"/presence/clients/lou").Connections
		return len(conns) == 1 && conns[0].ConnectionID != id
	})
	wantEdges(t, watch, "lou", "join")
}
