package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/hub/jetlog"
	"rollcall/web/auth"
)

// After the event store was lost, the server goes on with the settings that were reloaded: a key that was taken away
// stays away.
func TestLostStoreKeepsReloadedKeys(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	oldKey, oldLine := newKey(t, "old", auth.Publish, ">")
	newKeyText, newLine := newKey(t, "new", auth.Publish, ">")
	config := newFile(t, "rollcall.yaml", "api-key:\n- "+oldLine+"\n- "+newLine+"\n")
	p := serve(t, nil, "--config="+config, "--nats="+f.url(0))
	client := patient(t)
	publish := func(base, key string, status int) {
		t.Helper()
		body := `{"events":[{"channelName":"a","type":"message","payload":1}]}`
		ask(t, client, base+"/publish", body, "X-API-Key: "+key).want(t, status, "")
	}
	publish(p.url, oldKey, http.StatusOK)
	if err := os.WriteFile(config, []byte("api-key:\n- "+newLine+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.wantLog(reloaded)
	publish(p.url, oldKey, http.StatusUnauthorized)

	f.deleteStream()
	url, _ := p.wantLog("listening")["url"].(string)
	base := strings.TrimSuffix(url, "/")
	publish(base, oldKey, http.StatusUnauthorized)
	publish(base, newKeyText, http.StatusOK)
}

// What is shown of an event store that can't be used ages: it is not as old as the last word of NATS.
func TestEngineIsDownSince(t *testing.T) {
	t.Parallel()
	e := new(engine)
	began := time.Now().Add(-time.Minute)
	if got := e.state(jetlog.Status{Reason: "the disk is full", Heard: began}).Since; !got.Equal(began) {
		t.Errorf("down since %v, want %v", got, began)
	}
	if got := e.state(jetlog.Status{Reason: "the disk is full", Heard: time.Now()}).Since; !got.Equal(began) {
		t.Errorf("down since %v, want %v", got, began)
	}
	if got := e.state(jetlog.Status{Heard: time.Now()}); !got.Ready || !got.Since.IsZero() {
		t.Errorf("up: %+v", got)
	}
	again := time.Now()
	if got := e.state(jetlog.Status{Reason: "no connection", Heard: again}).Since; !got.Equal(again) {
		t.Errorf("down again since %v, want %v", got, again)
	}
}
