package torture

import (
	"maps"
	"slices"
)

// checkPresence checks that a presence stream adds up at each step, and that its end agrees with the servers and the
// clients online.
func (c *checker) checkPresence() {
	views := make(map[string]map[string]bool) // by watcher
	for _, n := range c.h.Notices {
		view := views[n.Watcher]
		if n.Kind == "snapshot" {
			view = make(map[string]bool)
			for _, client := range n.Clients {
				view[client] = true
			}
			views[n.Watcher] = view
		}
		switch {
		case view == nil:
			c.add(RulePresence, "%s: %s before a snapshot", n.Watcher, n.Kind)
			continue
		case n.Kind == "goodbye":
			continue
		case n.Kind == "join" && view[n.Clients[0]]:
			c.add(RulePresence, "%s: join of %s, who was there, from %s", n.Watcher, n.Clients[0], n.Server)
		case n.Kind == "leave" && !view[n.Clients[0]]:
			c.add(RulePresence, "%s: leave of %s, who was not there, from %s", n.Watcher, n.Clients[0], n.Server)
		case n.Kind == "join":
			view[n.Clients[0]] = true
		case n.Kind == "leave":
			delete(view, n.Clients[0])
		}
		if len(view) != n.Online {
			c.add(RulePresence, "%s: online is %d behind a %s, and %d are there, from %s", n.Watcher, n.Online, n.Kind, len(view), n.Server)
		}
	}
	want := slices.Sorted(slices.Values(c.h.Clients))
	for _, watcher := range slices.Sorted(maps.Keys(views)) {
		if got := slices.Sorted(maps.Keys(views[watcher])); !slices.Equal(got, want) {
			c.add(RulePresence, "%s adds up to %v, want %v", watcher, got, want)
		}
	}
	for _, r := range c.h.Rosters {
		if got := slices.Sorted(slices.Values(r.Clients)); !slices.Equal(got, want) {
			c.add(RulePresence, "%s shows %v, want %v", r.Server, got, want)
		}
	}
}
