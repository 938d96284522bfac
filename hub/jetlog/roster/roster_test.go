package roster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

func withSubjects(subject string) jetstream.StreamInfoOpt {
	return jetstream.WithSubjectFilter(subject)
}

func TestNodesSeeEachOther(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a := join(t, s.ClientURL(), "a")
	b := join(t, s.ClientURL(), "b", func(o *Options) { o.Info = func() []byte { return []byte(`{"version":"1"}`) } })
	a.put("one", "1")
	b.put("two", "2")
	a.shows(map[string]string{"b/two": "2"})
	b.shows(map[string]string{"a/one": "1"})
	a.put("one", "uno")
	b.shows(map[string]string{"a/one": "uno"})

	late := join(t, s.ClientURL(), "late")
	late.shows(map[string]string{"a/one": "uno", "b/two": "2"})
	if err := a.Delete("one"); err != nil {
		t.Fatal(err)
	}
	b.shows(map[string]string{})
	late.shows(map[string]string{"b/two": "2"})

	nodes := a.Nodes()
	if len(nodes) != 3 || !nodes[0].Self || nodes[0].Name != "a" || nodes[1].Name != "b" || nodes[2].Name != "late" {
		t.Fatalf("Nodes() = %+v", nodes)
	}
	if n := nodes[1]; string(n.Info) != `{"version":"1"}` || n.Entries != 1 || n.Session != b.Session() || time.Since(n.Renewed) > time.Minute || time.Since(n.Since) > time.Minute {
		t.Errorf("Nodes() shows b as %+v", n)
	}
	until(t, "nothing is degraded", func() bool {
		_, _, x := a.Degraded()
		_, _, y := b.Degraded()
		return !x && !y
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	within(t, testLease/2, "b is gone at once", func() bool { return a.down("b") == 1 && late.down("b") == 1 })
	until(t, "nothing remains of b", func() bool { return stored(t, a, "roster.e."+nodes[1].Session+".>") == 0 })
	if err := b.Put("x", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Put after Close: %v", err)
	}
}

func TestAnyBytes(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b.>*\x00 node\n")
	want := map[string]string{}
	name := "b.>*\x00 node\n"
	random := rand.New(rand.NewPCG(1, 2))
	for i, id := range []string{
		"*", ">", ".", "..", " ", "a.b.c", "roster.n.x", "\x00", "\r\n", "$JS.API.STREAM.PURGE.ROSTER", "日本", "\xff\xfe", "%2F", "-", "_",
		strings.Repeat("x", MaxID), strings.Repeat(".", MaxID), "_INBOX.>",
	} {
		value := make([]byte, []int{0, 1, 7, MaxValue}[i%4])
		for j := range value {
			value[j] = byte(random.Uint32())
		}
		if i == 1 {
			value = []byte{valueByte}
		}
		b.put(id, string(value))
		want[name+"/"+id] = string(value)
	}
	a.shows(want)
	for _, c := range []struct{ id, value string }{
		{"", "x"}, {strings.Repeat("x", MaxID+1), ""}, {"x", strings.Repeat("x", MaxValue+1)},
	} {
		if err := b.Put(c.id, []byte(c.value)); !errors.Is(err, ErrInvalid) {
			t.Errorf("Put of %d and %d bytes: %v", len(c.id), len(c.value), err)
		}
	}
	if err := b.Delete("never there"); err != nil {
		t.Error(err)
	}
	a.shows(want)
}

func TestForeignMessagesAreIgnored(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a := join(t, s.ClientURL(), "a")
	nc := connect(t, s.ClientURL())
	for _, subject := range []string{"roster.e.x", "roster.e.x.!!", "roster.e.x.YQ", "roster.e.x.y.z", "roster.n.x.y", "roster.n.x", "roster.e.z.YQ", "roster.s.!", "roster.s.YQ", "roster.q.x", "roster.tell"} {
		for _, body := range []string{"", "{", "{}}", "x", "\x01", "9 \x01", "x", "-1 \x01x", "\xff\xff", "\x01"} {
			if err := nc.Publish(subject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := join(t, s.ClientURL(), "b")
	b.put("x", "y")
	a.shows(map[string]string{"b/x": "y"})
	until(t, "what belongs to nobody is swept", func() bool { return stored(t, a, "roster.e.*.*") == 1 })
	if up := a.up(); len(up) != 1 {
		t.Errorf("these are up: %q", up)
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	nc := connect(t, s.ClientURL())
	js, _ := jetstream.New(nc)
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "ROSTER", Subjects: []string{"roster.*.>"}, MaxMsgsPerSubject: 1}); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), nc, Options{Stream: "ROSTER", Prefix: "roster", Node: "a"})
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "storage is") {
		t.Errorf("Open of a foreign stream: %v", err)
	}
}

func TestOpenWithoutNATS(t *testing.T) {
	t.Parallel()
	nc := connect(t, "nats://127.0.0.1:1")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, nc, Options{Stream: "ROSTER", Prefix: "roster", Node: "a"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Open: %v", err)
	}
}

func TestTell(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b, c := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b"), join(t, s.ClientURL(), "c")
	for i := range 5 {
		if err := a.Broadcast("kick", fmt.Appendf(nil, "\x00%d", 2*i), fmt.Appendf(nil, "\x00%d", 2*i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Broadcast("kick"); err != nil {
		t.Errorf("Broadcast of nothing: %v", err)
	}
	for _, w := range []*watched{b, c} {
		for i := range 10 {
			select {
			case word := <-w.Heard():
				if word.Kind != "kick" || string(word.Payload) != fmt.Sprintf("\x00%d", i) || word.Session != a.Session() {
					t.Errorf("heard %+v", word)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing was heard")
			}
		}
	}
	select {
	case word := <-a.Heard():
		t.Errorf("a heard its own %+v", word)
	default:
	}
	if err := a.Broadcast("x", nil, make([]byte, MaxWord+1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("Tell of too much: %v", err)
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, server.Options{})
	a, b := join(t, s.ClientURL(), "a"), join(t, s.ClientURL(), "b")
	share := func(w *watched, id, value string, ttl time.Duration) {
		t.Helper()
		if err := w.PutShared(id, []byte(value), ttl); err != nil {
			t.Fatal(err)
		}
	}
	has := func(w *watched, what string) {
		t.Helper()
		until(t, w.opts.Node+" has "+what, func() bool { return fmt.Sprint(w.blocks()) == what })
	}
	share(a, "bad", "1", time.Hour)
	share(b, "worse", "", time.Hour)
	for _, w := range []*watched{a, b} {
		has(w, "map[bad:1 worse:]")
	}
	share(b, "bad", "2", time.Hour)
	has(a, "map[bad:2 worse:]")
	if err := a.DeleteShared("worse"); err != nil {
		t.Fatal(err)
	}
	has(a, "map[bad:2]")
	has(b, "map[bad:2]")
	// The nodes go, the shared entries stay.
	_ = a.Close()
	b.crash()
	c := join(t, s.ClientURL(), "c")
	has(c, "map[bad:2]")
	share(c, "short", "3", time.Second)
	has(c, "map[bad:2 short:3]")
	has(c, "map[bad:2]")
	until(t, "the stream has one", func() bool { return stored(t, c, "roster.s.*") <= 2 }) // and the mark of a deletion
}
