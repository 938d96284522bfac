package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"rollcall/web/auth"
)

const (
	reloaded    = "reloaded"
	notReloaded = "the settings were not reloaded; the old ones stay in effect"
)

// wantExpired wants a stream to end with a goodbye about its credentials.
func (s *stream) wantExpired() {
	s.t.Helper()
	if data := s.want("goodbye"); !strings.Contains(data, `\"expired\"`) || !strings.Contains(data, `\"reconnect\":false`) {
		s.t.Fatalf("got %s", data)
	}
	s.wantEnd()
}

func TestKeysFileIsReloaded(t *testing.T) {
	t.Parallel()
	oldKey, oldLine := newKey(t, "backend", auth.Publish|auth.Subscribe, "news")
	other, otherLine := newKey(t, "other", auth.Publish|auth.Subscribe, "news")
	nextKey, nextLine := newKey(t, "backend", auth.Publish|auth.Subscribe, "news")
	keys := newFile(t, "keys", oldLine+"\n"+otherLine+"\n")
	p := serve(t, nil, "--api-keys="+keys)
	client := newClient(t, nil)
	at := p.url + "/subscribe?channels=news"
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+nextKey).want(t, 401, "unknown")
	oldStream := follow(t, client, at, "X-API-Key: "+oldKey)
	otherStream := follow(t, client, at, "X-API-Key: "+other)

	replaced(t, keys, oldLine+"\n"+otherLine+"\n"+nextLine+"\n") // handed out before the old one is taken away
	if cause := p.wantLog(reloaded)["cause"]; cause != "a file has changed" {
		t.Errorf("logged cause %v", cause)
	}
	newStream := follow(t, client, at, "X-API-Key: "+nextKey)
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+nextKey).want(t, 200, "")
	for _, s := range []*stream{oldStream, otherStream, newStream} {
		s.want("message")
	}

	replaced(t, keys, nextLine+"\n"+otherLine+"\n")
	p.wantLog(reloaded)
	oldStream.wantExpired()
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+oldKey).want(t, 401, "unknown")
	ask(t, client, at, "", "X-API-Key: "+oldKey).want(t, 401, "unknown")
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+nextKey).want(t, 200, "")
	for _, s := range []*stream{otherStream, newStream} {
		s.want("message")
	}

	// A key that may do less now ends its streams too.
	replaced(t, keys, strings.Replace(nextLine, "channels=news", "channels=news.>", 1)+"\n"+otherLine+"\n")
	p.wantLog(reloaded)
	newStream.wantExpired()
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+nextKey).want(t, 403, "forbidden")

	for _, bad := range []string{nextLine + "\ngarbage\n", nextLine + "\n" + nextLine + "\n", nextLine[:len(nextLine)-4] + "\n"} {
		replaced(t, keys, bad)
		got := p.wantLog(notReloaded)
		if !strings.Contains(fmt.Sprint(got["error"]), "--api-key") || got["level"] != "ERROR" {
			t.Errorf("logged %v", got)
		}
		ask(t, client, p.url+"/publish", hello, "X-API-Key: "+other).want(t, 200, "")
		otherStream.want("message")
	}
	replaced(t, keys, nextLine+"\n"+otherLine+"\n")
	p.wantLog(reloaded)
	ask(t, client, p.url+"/publish", hello, "X-API-Key: "+nextKey).want(t, 200, "")
	otherStream.want("message")
}

func TestPublicKeyFileIsReloaded(t *testing.T) {
	t.Parallel()
	before, after := signers(t)["ES256"], signers(t)["EdDSA"]
	file := newFile(t, "key.pem", publicPEM(t, before))
	p := serve(t, nil, "--jwt-public-key="+file)
	client := newClient(t, nil)
	at := p.url + "/subscribe?channels=room.1&access_token="
	s := follow(t, client, at+newToken(t, before, nil))
	ask(t, client, at+newToken(t, after, nil), "").want(t, 401, "algorithm")

	replaced(t, file, publicPEM(t, before)+publicPEM(t, after))
	p.wantLog(reloaded)
	follow(t, client, at+newToken(t, before, nil))
	follow(t, client, at+newToken(t, after, nil))

	replaced(t, file, publicPEM(t, after))
	p.wantLog(reloaded)
	ask(t, client, at+newToken(t, before, nil), "").want(t, 401, "algorithm")
	follow(t, client, at+newToken(t, after, nil))

	replaced(t, file, "no PEM")
	if got := p.wantLog(notReloaded); !strings.Contains(fmt.Sprint(got["error"]), "--jwt-public-key: "+file+" holds no public key") {
		t.Errorf("logged %v", got)
	}
	// A token that was taken is good for its stream until it expires, whatever became of the key.
	follow(t, client, at+newToken(t, after, nil)+"&presence=channels")
	p.signal(syscall.SIGTERM)
	if data := s.want("goodbye"); !strings.Contains(data, "draining") {
		t.Errorf("the stream from before got %s", data)
	}
	p.wantExit(0)
}

// SIGHUP fetches the key set: a revoked key is gone without a wait.
func TestHangupRefreshesTheKeySet(t *testing.T) {
	t.Parallel()
	_, one, err1 := ed25519.GenerateKey(rand.Reader)
	_, two, err2 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	jwks := newKeySet(t, one, two)
	p := serve(t, nil, "--jwks-url="+jwks.URL)
	client := newClient(t, nil)
	at := p.url + "/subscribe?channels=room.1&access_token="
	hangUp := func(msg string) {
		t.Helper()
		p.signal(syscall.SIGHUP)
		if got := p.wantLog(msg); msg == reloaded && got["cause"] != "SIGHUP" {
			t.Errorf("logged %v", got)
		}
	}
	// The tokens have no kid, so that it must be clear which key is meant.
	ask(t, client, at+newToken(t, one, nil), "").want(t, 401, "")
	jwks.keys.Store(&[]crypto.Signer{two})
	hangUp(reloaded)
	follow(t, client, at+newToken(t, two, nil))
	ask(t, client, at+newToken(t, one, nil), "").want(t, 401, "signature")
	jwks.keys.Store(&[]crypto.Signer{one})
	hangUp(reloaded)
	ask(t, client, at+newToken(t, two, nil), "").want(t, 401, "signature")
	follow(t, client, at+newToken(t, one, nil))

	jwks.Close()
	hangUp("the key set could not be fetched; the last one stays in use")
	p.wantLog(reloaded)
	follow(t, client, at+newToken(t, one, nil))
}

// Credentials may come and go while the server runs; only this machine may be left with none.
func TestCredentialsComeAndGo(t *testing.T) {
	t.Parallel()
	key, line := newKey(t, "k", auth.Publish, ">")
	t.Run("on loopback", func(t *testing.T) {
		config := newFile(t, "rollcall.yaml", "# open\n")
		p := serve(t, nil, "--config="+config)
		client := newClient(t, nil)
		ask(t, client, p.url+"/publish", hello).want(t, 200, "")
		s := follow(t, client, p.url+"/subscribe?channels=news")
		replaced(t, config, "api-key: "+line+"\n")
		p.wantLog(reloaded)
		s.wantExpired()
		ask(t, client, p.url+"/publish", hello).want(t, 401, "")
		ask(t, client, p.url+"/publish", hello, "X-API-Key: "+key, foreign).want(t, 200, "")
		replaced(t, config, "# open again\n")
		p.wantLog(reloaded)
		ask(t, client, p.url+"/publish", hello).want(t, 200, "")
		ask(t, client, p.url+"/publish", hello, foreign).want(t, 403, "foreign_host")
	})
	t.Run("for others", func(t *testing.T) {
		config := newFile(t, "rollcall.yaml", "api-key: "+line+"\n")
		p := serve(t, nil, "--config="+config, "--listen=:0")
		client := newClient(t, nil)
		for _, gone := range []string{"# gone\n", "insecure: true\n"} { // what it may be is settled at the start
			replaced(t, config, gone)
			if got := p.wantLog(notReloaded); !strings.Contains(fmt.Sprint(got["error"]), "there are no credentials") {
				t.Errorf("logged %v", got)
			}
			ask(t, client, p.url+"/publish", hello).want(t, 401, "")
			ask(t, client, p.url+"/publish", hello, "X-API-Key: "+key).want(t, 200, "")
		}
	})
}
