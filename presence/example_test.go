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
