package torture

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
)

// watcher records a stream of /presence/stream, and adds it up.
type watcher struct {
	*resumer
	name string
	h    *History

	mu   sync.Mutex
	view map[string]bool
}

func newWatcher(h *History, servers []string, seed uint64, name string) *watcher {
	w := &watcher{name: name, h: h, view: make(map[string]bool)}
	w.resumer = &resumer{servers: servers, path: "/presence/stream", rand: newRand(seed, name), on: w.take}
	return w
}

func (w *watcher) take(server, _ string, m Message) {
	var data struct {
		ClientID string
		Clients  []struct{ ClientID string }
		Online   int
	}
	_ = json.Unmarshal([]byte(m.Data), &data) // unreadable data counts as missing
	n := Notice{Watcher: w.name, Server: server, Kind: m.Kind, Clients: []string{data.ClientID}, Online: data.Online}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m.Kind {
	case "snapshot":
		n.Clients = nil
		w.view = make(map[string]bool)
		for _, c := range data.Clients {
			n.Clients = append(n.Clients, c.ClientID)
			w.view[c.ClientID] = true
		}
	case "join":
		w.view[data.ClientID] = true
	case "leave":
		delete(w.view, data.ClientID)
	}
	w.h.notice(n)
}

// sees reports whether the stream adds up to these clients, in order.
func (w *watcher) sees(clients []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Equal(slices.Sorted(maps.Keys(w.view)), clients)
}
