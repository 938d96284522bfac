package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	hookSecret      = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	otherHookSecret = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
)

// hooked is a webhook's endpoint. It takes what is signed with its secret.
type hooked struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	told   []string // types and clients, each message once
	seen   map[string]bool
}

func newHooked(t *testing.T) *hooked {
	h := &hooked{secret: hookSecret, seen: map[string]bool{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		hook, err := webhooks.NewWebhook(h.secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		var m struct {
			ID     string
			Events []struct{ Type, ClientID, ChannelName, Reason string }
		}
		if err != nil || json.Unmarshal(body, &m) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, e := range m.Events {
			if !h.seen[m.ID] {
				h.told = append(h.told, strings.Join(strings.Fields(e.Type+" "+e.ChannelName+" "+e.ClientID+" "+e.Reason), " "))
			}
		}
		h.seen[m.ID] = true
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hooked) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told)
}

// count returns how often an event was reported.
func (h *hooked) count(what string) (n int) {
	for _, text := range h.all() {
		if text == what {
			n++
		}
	}
	return n
}

// want waits until all of the events were reported, once each.
func (h *hooked) want(t *testing.T, want ...string) {
	t.Helper()
	for _, text := range want {
		until(t, fmt.Sprintf("%q is told", text), func() bool { return h.count(text) > 0 })
	}
	for _, text := range want {
		if n := h.count(text); n != 1 {
			t.Errorf("%q was told %d times in %q", text, n, h.all())
		}
	}
}

// config is a configuration file with this endpoint.
func (h *hooked) config(secret string) string {
	return fmt.Sprintf("webhooks:\n  - url: %s\n    secret: %s\n    allow-private: true\n", h.URL, secret)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	h := newHooked(t)
	config := newFile(t, "rollcall.yaml", h.config(hookSecret))
	p := serve(t, nil, "--config="+config, "--presence-grace=0")
	open(t, "/subscribe?channels=room&clientId=ann", p.url)
	h.want(t, "client.online ann", "channel.occupied room", "member.joined room ann")

	replaced(t, config, h.config("["+hookSecret+", "+otherHookSecret+"]")) // the old secret first, then both, then the new one
	p.wantLog(reloaded)
	h.mu.Lock()
	h.secret = otherHookSecret
	h.mu.Unlock()
	bob := open(t, "/subscribe?channels=room&clientId=bob", p.url)
	h.want(t, "client.online bob")
	replaced(t, config, h.config(otherHookSecret))
	p.wantLog(reloaded)
	bob.close()
	h.want(t, "stream.ended bob gone", "member.left room bob", "client.offline bob")

	replaced(t, config, "webhooks:\n  - url: http://127.0.0.1/\n    secret: "+hookSecret+"\n")
	if got := fmt.Sprint(p.wantLog(notReloaded)["error"]); !strings.Contains(got, "webhooks[0].url must begin with https://") {
		t.Errorf("logged %s", got)
	}
	p.signal(syscall.SIGTERM)
	p.wantExit(0)
	h.want(t, "stream.ended ann draining") // also at the end
}

func TestWebhooksOfADataDirectorySurviveAKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits until clients had time to come back")
	}
	h := newHooked(t)
	config := newFile(t, "rollcall.yaml", h.config(hookSecret))
	args := []string{"--config=" + config, "--presence-grace=0", "--data=" + t.TempDir()}
	p := serve(t, nil, args...)
	open(t, "/subscribe?channels=room&clientId=ann", p.url)
	open(t, "/subscribe?channels=room&clientId=bob", p.url)
	h.want(t, "client.online ann", "member.joined room bob")
	p.signal(syscall.SIGKILL)
	p.wantExit(-1)
	p = serve(t, nil, args...)
	open(t, "/subscribe?channels=room&clientId=bob", p.url)
	h.want(t, "member.left room ann", "client.offline ann", "client.online bob", "channel.occupied room")
	if n := h.count("client.offline bob"); n > 0 {
		t.Error("bob came back, and was told to be gone")
	}
}

func TestWebhooksOfAClusterAreToldOnce(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the lease of a dead server")
	}
	h := newHooked(t)
	config := newFile(t, "rollcall.yaml", h.config(hookSecret))
	nodes, bases := newFleet(t, 1).nodes(3, "--presence-grace=1s", "--config="+config)
	var want []string
	for i, base := range bases {
		for j := range 5 {
			id := fmt.Sprintf("u%d%d", i, j)
			open(t, "/subscribe?channels=room&clientId="+id, base)
			want = append(want, "client.online "+id, "member.joined room "+id)
		}
	}
	h.want(t, append(want, "channel.occupied room")...)
	nodes[0].signal(syscall.SIGKILL) // the one that reports, and perhaps the one that sends
	nodes[0].wantExit(-1)
	open(t, "/subscribe?channels=room&clientId=late", bases[1])
	want = append(want, "client.online late")
	for j := range 5 {
		want = append(want, fmt.Sprintf("client.offline u0%d", j), fmt.Sprintf("member.left room u0%d", j))
	}
	h.want(t, append(want, "channel.occupied room")...)
}

func TestWebhookSettings(t *testing.T) {
	t.Parallel()
	good := "webhooks:\n- url: https://user:hunter2@a.example/hook?key=hunter3\n  secret: [" + hookSecret + ", " + otherHookSecret +
		"]\n  types: [client.online]\n  channels: ['rooms.>']\n"
	c, s, err := parse(t, good, nil)
	if err != nil || len(c.webhooks) != 1 || len(c.webhooks[0].Secrets) != 2 || c.webhooks[0].Channels.String() != "rooms.>" || c.webhooks[0].AllowPrivate {
		t.Fatalf("got %+v, %v", c.webhooks, err)
	}
	shown := fmt.Sprint(s.effective(nil))
	if !strings.Contains(shown, "a.example/hook") || strings.Contains(shown, "hunter") || strings.Contains(shown, "whsec") {
		t.Errorf("shown as %s", shown)
	}
	for file, want := range map[string]string{
		"webhooks: hunter2\n": "webhooks takes a list",
		"webhooks:\n- url: https://a.example\n  secret: hunter2\n":              "webhooks[0].secret must be whsec_",
		"webhooks:\n- url: https://a.example\n  sekret: hunter2\n":              "webhooks takes a list",
		"webhooks:\n- url: https://a.example\n  secret: {hunter2: x}\n":         "webhooks takes a list",
		"webhooks:\n- url: https://a.example\n  channels: [a.>.b, hunter2]\n":   "webhooks takes a list",
		"webhooks:\n- url: https://a.example?hunter2\n  allow-private: maybe\n": "webhooks takes a list",
		"webhook:\n- url: https://a.example\n":                                  `did you mean "webhooks"?`,
	} {
		if _, _, err := parse(t, file, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gives %v, want %q and no secret", file, err, want)
		}
	}
	if c, _, err := parse(t, "webhooks:\n", nil); err != nil || len(c.webhooks) != 0 {
		t.Errorf("no webhooks: %+v, %v", c.webhooks, err)
	}
}
