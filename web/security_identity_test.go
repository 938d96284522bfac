package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/web"
)

// A token determines the client, whatever else the request says.
func TestSecurityClientIDSpoofing(t *testing.T) {
	t.Parallel()
	g := guard(t)
	show := bearer(token(t, "eve", "room.*", ""))
	for _, query := range []string{"clientId=ada", "clientId=ada&clientId=eve", "clientid=ada&client_id=ada", "clientId=", "clientId=" + url.QueryEscape("eve ")} {
		st := g.Subscribe("channels=room.a&presence=channels&"+query, show)
		if id := st.WantRegistered().ClientID; id != "eve" {
			t.Errorf("%s: registered as %q", query, id)
		}
		if got := st.WantOwn("lastEvent", "room.a"); got != "{}" {
			t.Error(got)
		}
		if got := st.WantOwn("presence", "room.a"); strings.Contains(got, "ada") || !strings.Contains(got, `"clientId":"eve"`) {
			t.Errorf("%s: members %s", query, got)
		}
	}
	st := g.Open("POST", "/subscribe", `{"channels":["room.a"],"clientId":"ada","ClientID":"ada"}`, show)
	if id := st.WantRegistered().ClientID; id != "eve" {
		t.Errorf("registered as %q", id)
	}
	if ids := g.online(); !slices.Equal(ids, []string{"eve"}) {
		t.Errorf("online are %q", ids)
	}
}

// If there are tokens, a request without one may not take the name of a subject.
func TestSecurityAnonymousChoosesNoName(t *testing.T) {
	t.Parallel()
	g := guard(t)
	st := g.Subscribe("channels=public.a&clientId=ada")
	if id := st.WantRegistered().ClientID; id == "ada" || len(id) < 20 {
		t.Errorf("registered as %q", id)
	}
	g.Open("POST", "/subscribe", `{"channels":["public.a"],"clientId":"ada"}`).WantRegistered()
	if ids := g.online(); len(ids) != 2 || slices.Contains(ids, "ada") {
		t.Errorf("online are %q", ids)
	}
}

// A name that is blocked cannot be shaken off by asking for another.
func TestSecurityBlockedSubjectStaysAway(t *testing.T) {
	t.Parallel()
	g := guard(t)
	g.Do("DELETE", "/presence/clients/eve?block=10m", "", g.root).WantStatus(204)
	show := bearer(token(t, "eve", "room.*", ""))
	for _, id := range []string{"", "ada", "Eve", "eve%20"} {
		g.Get("/subscribe?channels=room.a&clientId="+id, show).WantStatus(204)
	}
	// Nor is ada blocked by a request that claims her name.
	g.Do("DELETE", "/presence/clients/ada?block=10m", "", g.root).WantStatus(204)
	g.Subscribe("channels=room.a&clientId=ada", bearer(token(t, "bob", "room.*", ""))).WantRegistered()
}

// What presence shows of a client is what its token says.
func TestSecurityInfoSpoofing(t *testing.T) {
	t.Parallel()
	g := guard(t)
	show := bearer(token(t, "eve", "room.*", "", claims{"info": claims{"role": "guest"}}))
	lie := url.QueryEscape(`{"role":"staff"}`)
	g.Subscribe("channels=room.a&info="+lie, show).WantRegistered()
	g.Open("POST", "/subscribe", `{"channels":["room.a"],"info":{"role":"staff"}}`, show).WantRegistered()
	a := g.Get("/presence/clients/eve", g.root).WantStatus(200)
	if !strings.Contains(a.Body, `"info":{"role":"guest"}`) || strings.Contains(a.Body, "staff") {
		t.Error(a.Body)
	}
}

// The addresses and user agents of others are for admins.
func TestSecurityAddressesAreForAdmins(t *testing.T) {
	t.Parallel()
	g := guard(t)
	const agent = "Secret Agent 007"
	g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.*", "")), "User-Agent: "+agent).WantRegistered()
	for _, show := range []string{g.reader, bearer(token(t, "eve", "room.*", "")), bearer(token(t, "ada", "room.*", ""))} {
		a := g.Get("/presence/clients/ada", show).WantStatus(200)
		if !strings.Contains(a.Body, `"remoteAddr":"","userAgent":""`) || strings.Contains(a.Body, "127.0.0.1") {
			t.Errorf("%s", a.Body)
		}
		for _, target := range []string{"/presence/clients?channel=room.a", "/presence/clients?channel=room.a&q=agent", "/presence/channels"} {
			if a := g.Get(target, show); strings.Contains(a.Body, agent) || strings.Contains(a.Body, "127.0.0.1") {
				t.Errorf("%s: %s", target, a.Body)
			}
		}
	}
	if a := g.Get("/presence/clients/ada", g.root); !strings.Contains(a.Body, `"remoteAddr":"127.0.0.1","userAgent":"`+agent+`"`) {
		t.Error(a.Body)
	}
}

// Only admins end streams.
func TestSecurityKickWithoutAdmin(t *testing.T) {
	t.Parallel()
	g := guard(t)
	w := g.witness()
	for show, status := range map[string]int{
		"X: y": 401, g.billing: 403, g.reader: 403, bearer(token(t, "ada", ">", ">")): 403,
		bearer(token(t, "root", ">", ">", claims{"admin": true, "scope": "admin", "allow": []string{"admin"}})): 403,
	} {
		for _, target := range []string{
			"/presence/clients/ada", "/presence/clients/ada?block=1h", "/presence/clients/nobody", "/presence/clients/ada?block=x",
			"/presence/connections/" + w.stream.Hello.ConnectionID, "/presence/connections/none",
		} {
			wantDenied(t, g.Do("DELETE", target, "", show), status)
		}
	}
	w.wantPeace()
	g.Subscribe("channels=room.a", bearer(token(t, "ada", "room.*", ""))).WantRegistered() // nor is she blocked
}

// A browser sends a token in a cookie with any page's request: another site's page publishes nothing with it.
func TestSecurityCrossSiteRequestForgery(t *testing.T) {
	t.Parallel()
	for name, origins := range map[string][]string{"none": nil, "one": {"https://app.example"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := guard(t, func(o *web.Options) { o.CORSOrigins = origins })
			w := g.witness()
			cookie := "Cookie: session=" + token(t, "ada", ">", ">")
			for _, origin := range []string{"Origin: " + foreign, "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://app.example.evil.example", "Origin: " + g.URL + "1"} {
				for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json", "multipart/form-data"} {
					g.Do("POST", "/publish", oneEvent("room.a", `"forged"`), cookie, origin, "Content-Type: "+kind).WantFault(403, "foreign_origin", "")
				}
				g.Post("/subscribe", `{"channels":["room.a"]}`, cookie, origin).WantFault(403, "foreign_origin", "")
				g.Do("DELETE", "/presence/clients/ada", "", cookie, origin).WantFault(403, "foreign_origin", "")
				for _, target := range []string{"/presence/clients?channel=room.a", "/history?channel=room.a"} {
					g.Get(target, cookie, origin).WantHeader("Access-Control-Allow-Origin", "").WantHeader("Access-Control-Allow-Credentials", "")
				}
			}
			w.wantPeace()
			g.Post("/publish", oneEvent("room.b", `1`), cookie, "Origin: "+g.URL, "Sec-Fetch-Site: same-origin").WantStatus(200)
		})
	}
}
