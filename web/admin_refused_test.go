package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// startSecured runs a server with tokens, one key and an admin UI.
func startSecured(t *testing.T) (srv *webtest.Server, key string) {
	t.Helper()
	verifier, err := auth.NewVerifier(auth.VerifierOptions{Secret: tokenSecret, Leeway: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(verifier.Close)
	scopes, _ := auth.ParseScopes("publish,history")
	key, parsed, err := auth.NewKey("billing", scopes, patternsOf(t, "orders.>"))
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Start(t, withAdmins(web.Options{Access: &auth.Options{Keys: []auth.Key{parsed}, Verifier: verifier}})), key
}

// The page lists refused requests with their reason and the claims of their tokens, never a credential.
func TestAdminRefused(t *testing.T) {
	t.Parallel()
	srv, key := startSecured(t)
	alice := operator(t, srv)
	alice.get("/admin/refused").wantText("refused-rows", "No request was refused because of its credentials.")
	late := forge(t, jwt.SigningMethodHS256, tokenSecret, claims{"sub": "late-one", "exp": time.Now().Add(-time.Hour).Unix(), "zlong": strings.Repeat("x", 1500)})
	for range 3 {
		srv.Get("/subscribe?channels=a&access_token="+late).WantFault(401, "unauthorized", "")
	}
	ann := token(t, "ann", "news", "")
	srv.Get("/subscribe?channels=other", "Authorization: Bearer "+ann).WantStatus(403)
	srv.Get("/history?channel=other", "Authorization: Bearer "+key[:len(key)-1]+"x").WantFault(401, "unauthorized", "")
	srv.Get("/subscribe?channels=other").WantStatus(401)
	page := alice.get("/admin/refused")
	rows := page.says("refused-rows")
	for _, part := range []string{"3 times since", "The credentials are refused: the credential has expired.", `"sub":"late-one"`, "HS256", "GET /subscribe", "401 unauthorized", "token:ann",
		`Subscribing to "other" is not allowed with these credentials.`, "the API key is unknown", "needs credentials: an API key or a token", "no valid credentials"} {
		if !strings.Contains(rows, part) {
			t.Errorf("the page does not show %q: %s", part, rows)
		}
	}
	for _, secret := range []string{late[strings.LastIndex(late, ".")+1:], ann[strings.LastIndex(ann, ".")+1:], ann, "access_token", key[:20], strings.Repeat("x", 1025)} {
		if strings.Contains(page.text, secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
	if got := alice.get("/admin/refused?q=LATE").says("refused-rows"); !strings.Contains(got, "3 times") || strings.Contains(got, "token:ann") {
		t.Errorf("found are %s", got)
	}
	alice.get("/admin/refused?q=nobody").wantText("refused-rows", "No refused request matches")
	viewer(t, srv).get("/admin/refused").wantText("refused-rows", "late")
}

// What is remembered of refused requests is bounded.
func TestRefusedAreBounded(t *testing.T) {
	t.Parallel()
	srv, _ := startSecured(t)
	for range 20 {
		for i := range 30 {
			srv.Get("/subscribe/?channels=" + strings.Repeat("c", i+1)).WantStatus(401)
		}
	}
	if got := operator(t, srv).get("/admin/refused?rows=200").says("refused-pager"); !strings.Contains(got, "of 500") {
		t.Errorf("the page says %s", got)
	}
}

// A token that is tried is judged as in a request, and neither shown, stored nor logged.
func TestAdminTryToken(t *testing.T) {
	t.Parallel()
	srv, key := startSecured(t)
	alice, vera := operator(t, srv), viewer(t, srv)
	try := func(text string) *reply { return alice.post("/admin/token", "token", "  "+text+"\n").want(200) }
	good := token(t, "ann", "news,room.>", "chat", claims{"info": claims{"name": "Ann"}})
	page := try(good).wantText("verdict", "It is accepted").wantText("verdict-facts", "Name ann clientId ann").wantText("verdict-facts", "Subscribe news,room.> Publish chat Read kept events news,room.>").
		wantText("verdict-facts", `{"name":"Ann"}`).wantText("verdict-claims", `"sub": "ann"`)
	if strings.Contains(page.text, good) || strings.Contains(page.text, good[strings.LastIndex(good, ".")+1:]) {
		t.Error("the page shows the token")
	}
	for text, want := range map[string]string{
		forge(t, jwt.SigningMethodHS256, tokenSecret, claims{"sub": "ann", "exp": time.Now().Add(-time.Hour).Unix()}): "The credential has expired.",
		forge(t, jwt.SigningMethodHS256, []byte("another secret of 32 bytes or so"), everywhere):                      "The token's signature is wrong.",
		forge(t, jwt.SigningMethodHS512, tokenSecret, everywhere):                                                     "The token is signed with an algorithm that is not accepted here.",
		"nonsense":                "The token is not a readable JWT.",
		key[:len(key)-4] + "aaaa": "The API key is unknown.",
		"":                        "A token or an API key is required.",
	} {
		if got := try(text).wantText("verdict", "It is not accepted").says("verdict-problem"); got != want {
			t.Errorf("%.30q: %s, want %s", text, got, want)
		}
	}
	try(key).wantText("verdict-facts", "Kind key Name billing").wantText("verdict-facts", "Publish orders.>").wantText("verdict-facts", "Subscribe no channel")
	alice.post("/admin/blocks", "clientId", "ann", "for", "1h").want(303)
	try(good).wantText("verdict-problem", "The client ann is blocked until")
	if log := alice.get("/admin/audit.jsonl").text; strings.Contains(log, good) || strings.Contains(log, key) || !strings.Contains(log, `"token.try"`) {
		t.Errorf("the audit log is %s", log)
	}
	if got := alice.get("/admin/refused").says("refused-rows"); !strings.Contains(got, "No request was refused") {
		t.Errorf("a trial counts as a request: %s", got)
	}
	vera.post("/admin/token", "token", good).want(403)
	if page := vera.get("/admin/token").wantText("viewer-note", "may look"); page.one("token-form") != nil {
		t.Error("a viewer is offered the form")
	}
	open := startAdmin(t)
	operator(t, open).post("/admin/token", "token", good).want(200).wantText("verdict-problem", "This server is open")
}
