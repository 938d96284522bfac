package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollcall/web/webtest"
)

// A block applies to all requests with the client's credentials, in every place where a token can be, and ends its
// presence streams. The same requests are made for other clients and after the end of the block.
func TestBlockHoldsForTheIdentity(t *testing.T) {
	t.Parallel()
	g := guard(t)
	ann := token(t, "ann", "room.*", "room.*")
	bob := token(t, "bob", "room.*", "room.*")
	ask := func(tok string, d door) (statuses []int) {
		for _, a := range []*webtest.Answer{
			g.Do(d.method, d.target, d.body, bearer(tok)),
			g.Do(d.method, d.target+"&access_token="+tok, d.body),
			g.Do(d.method, d.target, d.body, "Cookie: session="+tok),
		} {
			statuses = append(statuses, a.Status)
			if a.Status == http.StatusForbidden {
				a.WantFault(http.StatusForbidden, "blocked", "")
			}
		}
		return statuses
	}
	rest := []door{
		{"POST", "/publish?", oneEvent("room.a", `"x"`)},
		{"GET", "/history?channel=room.a", ""},
		{"GET", "/lastEvent?channel=room.a", ""},
		{"GET", "/presence/clients?channel=room.a", ""},
		{"GET", "/presence/clients/ann?", ""},
		{"GET", "/presence/channels?", ""},
	}
	streams := []door{
		{"GET", "/subscribe?channels=room.a", ""},
		{"POST", "/subscribe?", `{"channels":["room.a"]}`},
		{"GET", "/presence/stream?channels=room.a", ""},
		{"GET", "/sse/time?", ""},
	}
	st := g.Subscribe("channels=room.a", bearer(ann))
	st.WantRegistered()
	st.WantLast("room.a", `{}`)
	watching := g.Open("GET", "/presence/stream?channels=room.b", "", bearer(ann))
	watching.Next() // the snapshot
	others := g.Watch("channels=room.a", bearer(bob))

	g.Do("DELETE", "/presence/clients/ann?block=1h", "", g.root).WantStatus(http.StatusNoContent)
	st.WantGoodbye("kicked", false)
	if ev, err := watching.Parser.Next(); err != nil || ev.Type != "goodbye" || !strings.Contains(ev.Data, `\"code\":\"kicked\"`) {
		t.Fatalf("the presence stream of a blocked client is told %q, error %v; want that it is kicked", ev, err)
	}
	watching.WantEnd()
	for _, d := range rest {
		if got := ask(ann, d); fmt.Sprint(got) != "[403 403 403]" {
			t.Errorf("%s %s of a blocked client: %d", d.method, d.target, got)
		}
		if got := g.Do(d.method, d.target, d.body, bearer(bob)).Status; got == http.StatusForbidden || got == http.StatusUnauthorized {
			t.Errorf("%s %s of another client: %d", d.method, d.target, got)
		}
	}
	for _, d := range streams {
		if got := ask(ann, d); fmt.Sprint(got) != "[204 204 204]" {
			t.Errorf("%s %s of a blocked client: %d", d.method, d.target, got)
		}
	}
	others.WantGone("room.a", "ann")
	g.Do("DELETE", "/presence/clients/ann?block=1ms", "", g.root).WantStatus(http.StatusNoContent)
	eventually(t, "ann may publish again", func() bool {
		return g.Post("/publish", oneEvent("room.a", `"x"`), bearer(ann)).Status == http.StatusOK
	})
}

// When as many clients are blocked as can be, another block is refused and says so; none that holds is dropped. A block
// that is over makes room, and one that holds can be changed.
func TestBlocksAreNeverDropped(t *testing.T) {
	t.Parallel()
	srv := start(t)
	srv.FillBlocks(time.Now().Add(time.Hour))
	text := srv.Do("DELETE", "/presence/clients/eve?block=1h", "").WantFault(http.StatusConflict, "too_many_blocks", "")
	if !strings.Contains(text, "100000") {
		t.Errorf("%q does not say how many there may be", text)
	}
	subscribed(t, srv, "clientId=eve", "a")
	for i := range 1000 {
		srv.Get(fmt.Sprintf("/subscribe?channels=a&clientId=c%d", 97*i)).WantStatus(http.StatusNoContent)
	}
	srv.Do("DELETE", "/presence/clients/c1?block=1ms", "").WantStatus(http.StatusNoContent)
	eventually(t, "there is room for one", func() bool {
		return srv.Do("DELETE", "/presence/clients/eve?block=1h", "").Status == http.StatusNoContent
	})
	srv.Do("DELETE", "/presence/clients/mallory?block=1h", "").WantStatus(http.StatusConflict)
}
