package presence_test

import (
	"fmt"
	"time"

	"rollcall/presence"
)

// Two tabs of one person are one member; closing one of them is no leave.
func ExampleRegistry() {
	r := presence.NewRegistry(0)
	tab1 := &presence.Connection{ID: "c1", ClientID: "ann", ConnectedAt: time.Now()}
	tab2 := &presence.Connection{ID: "c2", ClientID: "ann", ConnectedAt: time.Now()}
	r.Join(tab1, []string{"news"}, nil)
	r.Join(tab2, []string{"news"}, nil)
	r.Leave(tab1)
	r.Leave(tab2)
	for _, e := range r.Take() {
		fmt.Println(e.Version, e.Kind, e.ClientID, e.Channel, e.Online)
	}
	// Output:
	// 1 join ann $online 1
	// 2 join ann news 1
	// 3 leave ann news 0
	// 4 leave ann $online 0
}

// A snapshot is the list of members at a version; the edges after that version keep it up to date.
func ExampleRegistry_Snapshot() {
	r := presence.NewRegistry(0)
	join := func(id, client string) *presence.Connection {
		c := &presence.Connection{ID: id, ClientID: client, ConnectedAt: time.Now()}
		r.Join(c, []string{"room"}, []byte(`{"name":"`+client+`"}`))
		return c
	}
	ann := join("c1", "ann")
	rooms, version := r.Snapshot("room")
	there := map[string]bool{}
	for _, m := range rooms[0] {
		there[m.ClientID] = true
	}
	join("c2", "bob")
	r.Leave(ann)
	for _, e := range r.Take() {
		if e.Version > version && e.Channel == "room" {
			there[e.ClientID] = e.Kind != presence.Leave
		}
	}
	fmt.Println(there)
	// Output: map[ann:false bob:true]
}
