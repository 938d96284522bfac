package main

import (
	"crypto/ed25519"
	"html"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"rollcall/web/auth"
	"rollcall/web/login"
)

// The settings that the admin UI lists say that there is a secret, not which.
func TestEffectiveSettingsHideSecrets(t *testing.T) {
	t.Parallel()
	hash, err := login.HashPassword([]byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2-hunter2-hunter2-hunter2-hunter2"
	for name, test := range map[string]struct{ value, shown string }{
		"jwt-secret":     {secret, mask},
		"admin-password": {secret, mask},
		"admin-user":     {"ann:viewer:" + hash, "ann:viewer:" + mask},
		"jwks-url":       {"https://u:" + secret + "@id.example.org/keys", "https://u:xxxxx@id.example.org/keys"},
		"authorize-url":  {"http://u:" + secret + "@app.internal/a", "http://u:xxxxx@app.internal/a"},
		"jwt-public-key": {newFile(t, "key.pem", publicPEM(t, signers(t)["EdDSA"])), ""},
	} {
		for way, parsed := range map[string]func() (*serveCmd, *settings, error){
			"flag": func() (*serveCmd, *settings, error) { return parse(t, "", nil, "--"+name+"="+test.value) },
			"env":  func() (*serveCmd, *settings, error) { return parse(t, "", env{envName(name): test.value}) },
			"YAML": func() (*serveCmd, *settings, error) { return parse(t, name+": '"+test.value+"'\n", nil) },
		} {
			c, s, err := parsed()
			if err != nil {
				t.Fatalf("%s by %s: %v", name, way, err)
			}
			var again cli // the parser of parse is gone; another one has the flags for the same values
			flags := newParser(&again, &settings{}).Model.Children[0].Flags
			again.Serve = *c
			for _, setting := range s.effective(flags) {
				if strings.Contains(setting.Value, secret) || strings.Contains(setting.Value, hash) {
					t.Errorf("%s by %s: it shows %+v", name, way, setting)
				}
				if setting.Name == name && test.shown != "" && setting.Value != test.shown {
					t.Errorf("%s by %s: it shows %q, want %q", name, way, setting.Value, test.shown)
				}
			}
		}
	}
	for value, want := range map[string]string{
		"op:PASSWORD": "op:" + mask, "op:operator:PASSWORD": "op:operator:" + mask, "op:viewer": "op:viewer", "op": "op",
		"op:PASS:WORD": "op:" + mask, "op:operator:PASS:WORD": "op:operator:" + mask,
	} {
		if got := masked("admin-user", value); got != want {
			t.Errorf("--admin-user %s reads %s, want %s", value, got, want)
		}
	}
	for name, value := range map[string]string{
		"nats": "nats://" + secret + "@a:4222", "jwks-url": "https://id.example/keys?key=" + secret, "otlp-endpoint": "http://u:" + secret + "@c:4318",
	} {
		if got := masked(name, value); strings.Contains(got, secret) {
			t.Errorf("--%s reads %s", name, got)
		}
	}
	if got := masked("nats", "nats://a:4222 nats://u:"+secret+"@b:4222"); strings.Contains(got, secret) || !strings.Contains(got, "nats://a:4222") {
		t.Errorf("--nats reads %s", got)
	}
	if got := masked("jwks-url", "https://u:"+secret+"@a b/%zz"); strings.Contains(got, secret) {
		t.Errorf("a URL that can't be read is shown: %q", got)
	}
}

// Whatever happens, the log of a server at its most talkative, and the page with its settings, hold no credential.
func TestRunningServerShowsNoSecret(t *testing.T) {
	t.Parallel()
	signer := signers(t)["EdDSA"].(ed25519.PrivateKey)
	jwks := newKeySet(t, signer)
	at, err := url.Parse(jwks.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("u", "jwks-pass-word")
	key, line := newKey(t, "k", auth.Publish|auth.Subscribe|auth.Presence|auth.Admin, ">")
	config := newFile(t, "rollcall.yaml", "jwt-secret: "+jwtSecret+"\nadmin-password: correct horse\njwks-url: "+at.String()+"\ntoken-cookie: t\napi-key: "+line+"\n")
	p := serve(t, nil, "--config="+config, "--log-level=debug", "--address-failures=0", "--heartbeat=1s")
	client := newClient(t, nil)
	good := newToken(t, []byte(jwtSecret), nil)
	signed := newToken(t, signer, nil)
	forged := newToken(t, []byte(strings.Repeat("x", 32)), nil)

	for _, token := range []string{good, signed} {
		follow(t, client, p.url+"/subscribe?channels=room.1&access_token="+token)
		follow(t, client, p.url+"/subscribe?channels=room.1", "Authorization: Bearer "+token)
	}
	follow(t, client, p.url+"/subscribe?channels=room.1", "Cookie: t="+good)
	ask(t, client, p.url+"/subscribe?channels=room.1&access_token="+forged, "").want(t, 401, "signature")
	ask(t, client, p.url+"/subscribe?channels=room.1;x&access_token="+forged, "").want(t, 400, "")
	ask(t, client, p.url+"/history?channel=other&access_token="+good, "").want(t, 403, "forbidden")
	ask(t, client, p.url+"/publish?access_token="+key, hello).want(t, 400, "invalid_credentials")
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+key).want(t, 200, "")
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+key+"x").want(t, 401, "")
	ask(t, client, p.url+"/nothing?access_token="+good, "").want(t, 404, "")
	ask(t, client, p.url+"/admin/login", "username=admin&password=wrong+horse", "Content-Type: application/x-www-form-urlencoded").want(t, 401, "")

	admin := logIn(t, p.url, "admin", "correct horse")
	page := ask(t, admin, p.url+"/admin/server", "").want(t, 200, mask).body
	page += ask(t, admin, p.url+"/admin/audit", "").want(t, 200, "").body
	page += ask(t, admin, p.url+"/admin/clients", "").want(t, 200, "u1").body

	replaced(t, config, "jwt-secret: "+jwtSecret+"\nadmin-password: [correct horse\n")
	p.wantLog("the settings were not reloaded; the old ones stay in effect")
	replaced(t, config, "jwt-secret: short "+jwtSecret[:20]+"\njwt-leeway: 1x\nadmin-password: correct horse\n")
	p.wantLog("the settings were not reloaded; the old ones stay in effect")
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
	for what, text := range map[string]string{"the log": p.all.String(), "the admin UI": html.UnescapeString(page)} {
		for _, secret := range []string{jwtSecret, jwtSecret[:20], "correct horse", "correct+horse", "wrong horse", "jwks-pass-word", key[3:20], good[len(good)-30:], signed[len(signed)-30:], forged[len(forged)-30:]} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %q: …%s", what, secret, text[max(0, at-200):at])
			}
		}
	}
}
