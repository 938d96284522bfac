package hooks

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/hub/outbox"
	"rollcall/presence"
	"rollcall/web/auth"
)

func TestWhatIsTold(t *testing.T) {
	r := receive(t, nil)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	a := w.join("ann", "room")
	b := w.join("bob", "room")
	second := w.join("ann", "room", "other")
	w.h.Ended("ann", "gone")
	w.leave(a)
	w.leave(second)
	w.leave(b)
	r.want("client.online ann", "channel.occupied room", "member.joined room ann",
		"client.online bob", "member.joined room bob", "channel.occupied other", "member.joined other ann",
		"stream.ended ann gone", "member.left room ann", "member.left other ann", "channel.vacated other", "client.offline ann",
		"member.left room bob", "channel.vacated room", "client.offline bob")
	for _, m := range r.messages() {
		for _, e := range m.Events {
			if _, err := time.Parse(time.RFC3339, e.At); err != nil {
				t.Errorf("at of %v: %v", e, err)
			}
		}
	}
}

func TestInfoIsTold(t *testing.T) {
	r := receive(t, nil)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	w.registry.Join(&presence.Connection{ID: "1", ClientID: "ann", ConnectedAt: time.Now()}, []string{"room"}, []byte(`{"name":"Ann"}`))
	w.h.Edges(w.registry.Take())
	r.want(`client.online ann {"name":"Ann"}`, "channel.occupied room", `member.joined room ann {"name":"Ann"}`)
}

// The server's own channels have no members for others.
func TestOwnChannelsAreNotTold(t *testing.T) {
	r := receive(t, nil)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	w.join("ann", "$device.1")
	w.join("bob")
	r.want("client.online ann", "client.online bob")
}

func TestFilters(t *testing.T) {
	types, channels := receive(t, nil), receive(t, nil)
	one, two := types.endpoint(), channels.endpoint()
	one.Types = []string{ChannelOccupied, ClientOffline}
	two.Channels, _ = auth.ParsePatterns("rooms.*")
	w := begin(t, Options{Endpoints: []Endpoint{one, two}})
	w.leave(w.join("ann", "rooms.1", "news"))
	types.want("channel.occupied rooms.1", "channel.occupied news", "client.offline ann")
	channels.want("client.online ann", "channel.occupied rooms.1", "member.joined rooms.1 ann", "member.left rooms.1 ann",
		"channel.vacated rooms.1", "client.offline ann")
}

func TestBatches(t *testing.T) {
	r := receive(t, nil)
	p := quick()
	p.gather = time.Hour // only full batches are sent
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
	for i := range 2 * batchEvents {
		w.join(fmt.Sprint("u", i))
	}
	r.until("a batch", func() bool { return len(r.messages()) >= 1 })
	for _, m := range r.messages() {
		if n := len(m.Events); n < batchEvents-1 || n > batchEvents {
			t.Errorf("a batch has %d events", n)
		}
	}
}

// While a secret is replaced, messages are signed with the old and the new one.
func TestTwoSecrets(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, req *http.Request, m message) bool {
		signatures := strings.Split(req.Header.Get(webhooks.HeaderWebhookSignature), " ")
		if len(signatures) != 2 || signatures[0] == signatures[1] {
			t.Errorf("the signatures are %q", signatures)
		}
		return false
	})
	e := r.endpoint()
	e.Secrets = []string{secretB, secretA} // the receiver verifies with A
	w := begin(t, Options{Endpoints: []Endpoint{e}})
	w.join("ann")
	r.want("client.online ann")
}

func TestReplacedEndpointGoesOn(t *testing.T) {
	r, other := receive(t, nil), receive(t, nil)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	w.join("ann")
	r.want("client.online ann")
	changed := r.endpoint()
	changed.Types = []string{ClientOffline}
	if err := w.h.Replace(context.Background(), []Endpoint{changed, other.endpoint()}); err != nil {
		t.Fatal(err)
	}
	bob := w.join("bob")
	w.leave(bob)
	other.want("client.online bob", "client.offline bob") // a new endpoint gets no earlier events
	r.want("client.online ann", "client.offline bob")
	if err := w.h.Replace(context.Background(), []Endpoint{other.endpoint()}); err != nil {
		t.Fatal(err)
	}
	w.join("cleo")
	other.want("client.online bob", "client.offline bob", "client.online cleo")
	if len(w.h.Endpoints()) != 1 || len(r.told()) != 2 {
		t.Errorf("the endpoint that is gone was told %v", r.told())
	}
}

func TestTestMessage(t *testing.T) {
	r := receive(t, nil)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}})
	a, known := w.h.Test(context.Background(), w.status().ID)
	if !known || !a.OK() || a.Status != 200 {
		t.Errorf("the answer is %+v, %v", a, known)
	}
	if all := r.messages(); len(all) != 1 || all[0].Events == nil || len(all[0].Events) != 0 {
		t.Errorf("sent %+v", all)
	}
	if _, known := w.h.Test(context.Background(), "nobody"); known {
		t.Error("an unknown endpoint was tested")
	}
}

func TestEndpointsAreChecked(t *testing.T) {
	good := Endpoint{URL: "https://a.example/hook", Secrets: []string{secretA}}
	with := func(change func(*Endpoint)) []Endpoint {
		e := good
		change(&e)
		return []Endpoint{e}
	}
	for want, list := range map[string][]Endpoint{
		"webhooks[0].url must be like":           with(func(e *Endpoint) { e.URL = "ftp://a.example" }),
		"webhooks[0].url must begin with":        with(func(e *Endpoint) { e.URL = "http://a.example" }),
		"webhooks[0].url must have no fragment":  with(func(e *Endpoint) { e.URL += "#x" }),
		"webhooks[0].secret is missing":          with(func(e *Endpoint) { e.Secrets = nil }),
		"webhooks[0].secret must be whsec_":      with(func(e *Endpoint) { e.Secrets = []string{"hunter2"} }),
		`webhooks[0].types has "client.onlin"`:   with(func(e *Endpoint) { e.Types = []string{"client.onlin"} }),
		"webhooks[1].url is there twice":         {good, good},
		"there are 33 endpoints; allowed are 32": slices.Repeat([]Endpoint{good}, 33),
	} {
		if err := CheckEndpoints(list); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := CheckEndpoints([]Endpoint{good}); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	e := Endpoint{URL: "https://user:hunter2@a.example/hook?key=hunter3"}
	if s := e.Shown(); strings.Contains(s, "hunter") || !strings.Contains(s, "a.example/hook") {
		t.Errorf("shown as %q", s)
	}
}

// Waiting changes are reported before the server ends.
func TestCloseSendsWhatWaits(t *testing.T) {
	r := receive(t, nil)
	p := quick()
	p.gather = time.Hour
	w := unstopped(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: p})
	w.join("ann", "room")
	w.close()
	r.want("client.online ann", "channel.occupied room", "member.joined room ann")
}

// What an endpoint can't take is bounded in memory, and counted.
func TestMemoryIsBounded(t *testing.T) {
	stop := make(chan struct{})
	r := receive(t, func(http.ResponseWriter, *http.Request, message) bool { <-stop; return false })
	store := outbox.NewMemory(4 << 10)
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, Store: store})
	w.join("first")
	r.until("the first message", func() bool { return len(r.messages()) == 1 })
	for i := range 500 {
		w.join(fmt.Sprint("u", i))
		if i%50 == 0 {
			r.until("it is stored", func() bool { return w.h.teller.at.Load() > uint64(i/50) })
		}
	}
	w.join("last")
	r.until("all is stored", func() bool {
		entries, _ := store.Read(context.Background(), w.h.teller.at.Load()-1, 1)
		return len(entries) == 1 && strings.Contains(string(entries[0].Data), `"last"`)
	})
	close(stop)
	r.until("the last event", func() bool { told := r.told(); return len(told) > 0 && told[len(told)-1] == "client.online last" })
	if st := w.status(); st.Lost == 0 {
		t.Errorf("nothing was lost: %+v", st)
	}
}

// An alarm is told to the endpoints that name its types, whatever their channels, and to no other.
func TestAlarmsAreTold(t *testing.T) {
	r, filtered, other := receive(t, nil), receive(t, nil), receive(t, nil)
	both, one := r.endpoint(), filtered.endpoint()
	both.Types, one.Types = []string{AlarmRaised, AlarmCleared}, []string{AlarmCleared, ClientOnline}
	one.Channels, _ = auth.ParsePatterns("rooms.*")
	w := begin(t, Options{Endpoints: []Endpoint{both, one, other.endpoint()}})
	at := time.Date(2026, 11, 22, 3, 4, 5, 6e6, time.UTC)
	w.h.Alarm(true, "full", "n1", "Nearly full. 9 of 10 streams.", at)
	w.h.Alarm(false, "full", "n1", "Nearly full. 10 of 10 streams.", at.Add(time.Minute))
	w.join("ann")
	r.until("both", func() bool { return len(eventsOf(r)) == 2 })
	raised := Event{Type: AlarmRaised, Alarm: "full", Server: "n1", Text: "Nearly full. 9 of 10 streams.", At: "2026-11-22T03:04:05.006Z"}
	cleared := Event{Type: AlarmCleared, Alarm: "full", Server: "n1", Text: "Nearly full. 10 of 10 streams.", At: "2026-11-22T03:05:05.006Z"}
	if got := eventsOf(r); !reflect.DeepEqual(got, []Event{raised, cleared}) {
		t.Errorf("told are %+v", got)
	}
	filtered.until("the end", func() bool { return len(eventsOf(filtered)) == 2 })
	if got := eventsOf(filtered); !reflect.DeepEqual(got[0], cleared) {
		t.Errorf("told are %+v", got)
	}
	other.want("client.online ann")
}

func eventsOf(r *receiver) (list []Event) {
	for _, m := range r.messages() {
		list = append(list, m.Events...)
	}
	return list
}
