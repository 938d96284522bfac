package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// delivery is a request to a webhook endpoint, as the reference library takes it.
type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// message is its body.
type message struct {
	ID     string
	Events []map[string]any
}

// receiver is a webhook endpoint that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	came []delivery
}

func newReceiver(t *testing.T) *receiver {
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		d := delivery{Headers: map[string]string{}, Body: string(body)}
		for name := range req.Header {
			d.Headers[strings.ToLower(name)] = req.Header.Get(name)
		}
		if req.Method != http.MethodPost || d.Headers["content-type"] != "application/json" {
			t.Errorf("a webhook is %s with %v", req.Method, d.Headers)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.came = append(r.came, d)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.came)
}

// events returns all events that came, in order.
func (r *receiver) events(t *testing.T) (list []map[string]any) {
	t.Helper()
	for _, d := range r.all() {
		var m message
		if err := json.Unmarshal([]byte(d.Body), &m); err != nil {
			t.Fatalf("%v in %s", err, d.Body)
		}
		list = append(list, m.Events...)
	}
	return list
}

// What webhooks get is as documented, field by field, and the reference library of Standard Webhooks verifies it with each of the
// secrets.
func TestWebhooksWithTheReferenceLibrary(t *testing.T) {
	t.Parallel()
	path := node.need(t)
	all, some := newReceiver(t), newReceiver(t)
	const first, second = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE="
	config := filepath.Join(t.TempDir(), "rollcall.yaml")
	text := fmt.Sprintf("webhooks:\n  - url: %s/all\n    secret: [%s, %s]\n    allow-private: true\n", all.URL, first, second) +
		fmt.Sprintf("  - url: %s/some\n    secret: %s\n    types: [member.joined, client.online]\n    channels: [\"rooms.*\"]\n    allow-private: true\n", some.URL, second)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "--config="+config, "--presence-grace=0")
	query := url.Values{"channels": {"rooms.1,lobby"}, "clientId": {"ann"}, "info": {`{"name":"Ann"}`}}
	res, err := s.client.Get(s.url("/subscribe?" + query.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, all, "member.joined", 2)
	res.Body.Close()
	awaitEvent(t, all, "client.offline", 1)
	awaitEvent(t, some, "member.joined", 1)

	wantFields(t, all.events(t))
	for _, e := range some.events(t) {
		if e["type"] != "client.online" && (e["type"] != "member.joined" || e["channelName"] != "rooms.1") {
			t.Errorf("the filtered endpoint got %v", e)
		}
	}

	var list []delivery
	for _, d := range all.all() {
		for _, secret := range []string{first, second} {
			d.Secret = secret
			list = append(list, d)
		}
	}
	good := len(list)
	for _, d := range all.all()[:1] { // what the library must refuse
		for _, spoil := range []func(*delivery){
			func(d *delivery) { d.Secret = "whsec_" + strings.Repeat("A", 43) + "=" },
			func(d *delivery) { d.Body = strings.Replace(d.Body, "ann", "eve", 1) },
			func(d *delivery) { d.Headers["webhook-id"] += "x" },
			func(d *delivery) {
				d.Headers["webhook-timestamp"] = strconv.FormatInt(time.Now().Unix()-60, 10)
			},
		} {
			bad := delivery{first, map[string]string{}, d.Body}
			for name, value := range d.Headers {
				bad.Headers[name] = value
			}
			spoil(&bad)
			list = append(list, bad)
		}
	}
	results := verifyAll(t, path, list)
	for i, r := range results {
		switch id := list[i].Headers["webhook-id"]; {
		case i < good && (r.Error != "" || r.ID != id):
			t.Errorf("the library takes message %s for %+v", id, r)
		case i >= good && r.Error == "":
			t.Errorf("the library takes a spoiled message: %+v", list[i])
		}
	}
}

// verified is what the library says of a delivery.
type verified struct {
	message
	Error string
}

// verifyAll has the reference library verify deliveries.
func verifyAll(t *testing.T, path string, list []delivery) (results []verified) {
	t.Helper()
	input, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, filepath.Join("node", "webhook.js"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil || len(results) != len(list) {
		t.Fatalf("%v; the library said %s", err, out)
	}
	return results
}

// awaitEvent waits until an endpoint has got so many events of a type.
func awaitEvent(t *testing.T, r *receiver, typ string, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got := 0
		for _, e := range r.events(t) {
			if e["type"] == typ {
				got++
			}
		}
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events %s came, want %d", got, typ, n)
		}
	}
}

// wantFields wants each type of event, with exactly the documented fields.
func wantFields(t *testing.T, events []map[string]any) {
	t.Helper()
	fields := map[string]string{
		"client.online": "at clientId info type", "client.offline": "at clientId info type",
		"channel.occupied": "at channelName type", "channel.vacated": "at channelName type",
		"member.joined": "at channelName clientId info type", "member.left": "at channelName clientId info type",
		"stream.ended": "at clientId reason type",
	}
	counts := map[any]int{}
	for _, e := range events {
		var names []string
		for name := range e {
			names = append(names, name)
		}
		slices.Sort(names)
		typ, _ := e["type"].(string)
		counts[typ]++
		if got := strings.Join(names, " "); got != fields[typ] {
			t.Errorf("%s has the fields %s, want %s", typ, got, fields[typ])
		}
		at, _ := e["at"].(string)
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil {
			t.Errorf("%s is at %q", typ, at)
		}
		if info, ok := e["info"].(map[string]any); ok && info["name"] != "Ann" || e["clientId"] != nil && e["clientId"] != "ann" ||
			e["reason"] != nil && e["reason"] != "gone" {
			t.Errorf("an event is %v", e)
		}
	}
	for typ, n := range map[string]int{"client.online": 1, "client.offline": 1, "channel.occupied": 2, "channel.vacated": 2,
		"member.joined": 2, "member.left": 2, "stream.ended": 1} {
		if counts[typ] != n {
			t.Errorf("%d events %s, want %d", counts[typ], typ, n)
		}
	}
	if len(events) > 0 && events[0]["type"] != "client.online" || events[len(events)-1]["type"] != "client.offline" {
		t.Errorf("the events begin with %v and end with %v", events[0], events[len(events)-1])
	}
}
