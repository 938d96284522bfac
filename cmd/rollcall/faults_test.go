package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// retrier publishes one event after the other, each with a key and again until it is acknowledged.
type retrier struct {
	acked   atomic.Int64
	refused sync.Map // code → true
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// publishOn publishes to the servers in turn until the retrier is finished, with a pause between attempts: a server that
// refuses at once is not asked without end.
func publishOn(t *testing.T, channel string, bases ...string) *retrier {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &retrier{stop: cancel}
	client := patient(t)
	r.done.Go(func() {
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for n, try := 0, 0; ctx.Err() == nil; try++ {
			<-pause.C
			p := post(client, bases[try%len(bases)], event{Channel: channel, Type: "message", Payload: fmt.Sprint(n), Key: fmt.Sprint(channel, n)})
			switch p.Status {
			case http.StatusOK:
				n++
				r.acked.Store(int64(n))
			case 0: // the server is gone; another one is asked
			case http.StatusServiceUnavailable, http.StatusTooManyRequests: // the latter if the last attempt is undecided
				r.refused.Store(p.Error.Code, true)
			default:
				t.Errorf("publish: %+v", p)
				return
			}
		}
	})
	t.Cleanup(r.finish)
	return r
}

func (r *retrier) finish() { r.stop(); r.done.Wait() }

// more waits until more is acknowledged.
func (r *retrier) more(t *testing.T, n int64) {
	t.Helper()
	goal := r.acked.Load() + n
	until(t, "more is published", func() bool { return r.acked.Load() >= goal })
}

// wantInOrder waits for as many events as were acknowledged, and one that was perhaps not, and checks that each came once,
// in order.
func (r *retrier) wantInOrder(t *testing.T, s *source) {
	t.Helper()
	r.finish()
	n := int(r.acked.Load())
	s.until(t, fmt.Sprintf("all %d events have come", n), func(all []sse) bool { return len(only(all, "message")) >= n })
	got := only(s.events(), "message")
	for i, e := range got {
		if e.payload() != fmt.Sprint(i) || i > n {
			t.Fatalf("event %d of %d is %v; %d were acknowledged", i, len(got), e, n)
		}
	}
	if gaps := only(s.events(), "gap"); len(gaps) > 0 {
		t.Errorf("gaps were told of: %v", gaps)
	}
}

func TestNATSAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	_, bases := f.nodes(2, "--history-events=100000", "--history-bytes=64MiB")
	client := patient(t)
	list := []*source{open(t, "/subscribe?channels=a", bases[0]), open(t, "/subscribe?channels=a&clientId=ann", bases[1])}
	wantOn(t, client, bases, "ann", "n2")
	presence := open(t, "/presence/stream", bases[0])
	r := publishOn(t, "a", bases...)
	for range 2 {
		r.more(t, 50)
		r.refused.Clear()
		f.stop(0)
		for _, base := range bases {
			until(t, base+" is not ready", func() bool { return ready(client, base) == http.StatusServiceUnavailable })
			p := post(client, base, event{Channel: "other", Type: "message", Payload: "nothing"})
			if p.Status != http.StatusServiceUnavailable || p.Error.Code != "store_unavailable" {
				t.Errorf("publish without NATS: %+v", p)
			}
			ask(t, client, base+"/healthz", "").want(t, http.StatusOK, "")
			ask(t, client, base+"/lastEvent?channel=a", "").want(t, http.StatusOK, "message")
		}
		f.start(0)
		for _, base := range bases {
			until(t, base+" is ready", func() bool { return ready(client, base) == http.StatusOK })
		}
		r.more(t, 50)
		r.refused.Range(func(code, _ any) bool {
			if code != "store_unavailable" && code != "outcome_unknown" && code != "busy" {
				t.Errorf("publishes were refused with %v", code)
			}
			return true
		})
	}
	for _, s := range list {
		r.wantInOrder(t, s)
		if s.streams() != 1 {
			t.Errorf("there were %d streams, want that the first stays open", s.streams())
		}
	}
	if got := history(t, client, bases[0], "other"); len(got) > 0 {
		t.Errorf("what was refused is there: %v", got)
	}
	if got := edges(presence.events(), "ann"); got != "" || presence.streams() != 1 {
		t.Errorf("ann was told to have done %q in %d streams", got, presence.streams())
	}
	wantOn(t, client, bases, "ann", "n2")
}

func TestNATSAwayAtTheStart(t *testing.T) {
	t.Parallel()
	f := preparedFleet(t, 1)
	knocked, err := net.Listen("tcp", strings.TrimPrefix(f.url(0), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, nil, "--nats="+f.url(0))
	conn, err := knocked.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = knocked.Close()
	f.start(0)
	p.listening()
	p.publish("news", "message", "hello")
	if got := ready(patient(t), p.url); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}

	p.signal(syscall.SIGTERM) // it would knock too
	p.wantExit(0)
	f.stop(0)
	waiting := launch(t, nil, "--nats="+f.url(0)) // a waiting server can be stopped
	if knocked, err = net.Listen("tcp", strings.TrimPrefix(f.url(0), "nats://")); err != nil {
		t.Fatal(err)
	}
	defer knocked.Close()
	if conn, err = knocked.Accept(); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	waiting.signal(syscall.SIGTERM)
	waiting.wantExit(0)
}

func TestStreamDeletedUnderTheServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	_, bases := f.nodes(2)
	client := patient(t)
	var list []*source
	for _, base := range bases {
		list = append(list, open(t, "/subscribe?channels=a,b", base))
	}
	post(client, bases[0], event{Channel: "a", Type: "message", Payload: "old"})
	for _, s := range list {
		s.until(t, "the event has come", func(all []sse) bool { return len(only(all, "message")) == 1 })
	}
	stopKnocking := knock(t, bases...)
	f.deleteStream()
	for _, s := range list {
		s.until(t, "the gaps are told of", func(all []sse) bool { return len(only(all, "gap")) >= 2 })
		told := only(s.events(), "goodbye", "gap")
		if len(told) != 3 || told[0].kind != "goodbye" ||
			!strings.Contains(told[0].data, `{\"code\":\"draining\",\"reason\":\"The event store was lost. The log begins anew.\",\"reconnect\":true}`) {
			t.Errorf("got %v, want a goodbye of the lost store and two gaps", told)
			continue
		}
		for i, e := range told[1:] {
			if !strings.Contains(e.data, `\"reason\":\"epoch\"`) || !strings.Contains(e.data, `"channelName":"`+[]string{"a", "b"}[i]+`"`) {
				t.Errorf("got the gap %s", e.data)
			}
		}
	}
	var epochs []string
	for i, base := range bases {
		until(t, base+" is ready", func() bool { return ready(client, base) == http.StatusOK })
		p := post(client, base, event{Channel: "b", Type: "message", Payload: fmt.Sprint("new", i)})
		if p.Status != http.StatusOK {
			t.Fatalf("publish: %+v", p)
		}
		epoch, _ := position(p.Events[0].ID)
		epochs = append(epochs, epoch)
	}
	stopKnocking()
	old, _ := position(only(list[0].events(), "message")[0].id)
	if epochs[0] != epochs[1] || epochs[0] == old {
		t.Errorf("the epochs are %v, it was %s", epochs, old)
	}
	for _, s := range list {
		s.until(t, "the new events have come", func(all []sse) bool { return len(only(all, "message")) >= 3 })
		var got []string
		for _, e := range only(s.events(), "message") {
			got = append(got, e.payload())
		}
		if fmt.Sprint(got) != "[old new0 new1]" {
			t.Errorf("got %v", got)
		}
	}
}

// knock connects to the servers again and again until stop is called. None may refuse.
func knock(t *testing.T, bases ...string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for _, base := range bases {
		work.Go(func() {
			ticker := time.NewTicker(time.Millisecond)
			defer ticker.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				<-ticker.C
				conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
				if err != nil {
					t.Errorf("connection %d to %s: %v", n, base, err)
					return
				}
				_ = conn.(*net.TCPConn).SetLinger(0) // leave no port waiting
				_ = conn.Close()
			}
		})
	}
	return func() { cancel(); work.Wait() }
}

func TestStreamsOfOtherLimitsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.node("n1", "--history-events=5000")
	for says, flag := range map[string]string{
		"max_msgs_per_subject is 5000, want 6000": "--history-events=6000",
		"max_age is 1h0m0s, want 2h0m0s":          "--history-age=2h",
		"num_replicas is 1, want 3":               "--nats-replicas=3",
	} {
		args := []string{"serve", "--listen=127.0.0.1:0", "--nats=" + f.url(0), "--history-events=5000", flag}
		cmd := command(t, nil, args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != 1 || !strings.Contains(string(out), says) {
			t.Errorf("exit code %d with\n%s\nwant 1 and %q", got, out, says)
		}
	}
}

// The NATS servers have no leader yet when the nodes come. One after the other is stopped and comes back, while events are published: none is lost, none comes twice.
func TestThreeNATSServers(t *testing.T) {
	t.Parallel()
	f := preparedFleet(t, 3)
	for i := range f.servers {
		f.start(i)
	}
	_, bases := f.nodes(2, "--nats-replicas=3", "--history-events=100000", "--history-bytes=64MiB")
	client := patient(t)
	list := []*source{open(t, "/subscribe?channels=a", bases[0]), open(t, "/subscribe?channels=a", bases[1])}
	r := publishOn(t, "a", bases...)
	for i := range f.servers {
		r.more(t, 30)
		f.stop(i)
		r.more(t, 30)
		f.start(i)
		f.ready()
		for _, base := range bases {
			until(t, base+" is ready", func() bool { return ready(client, base) == http.StatusOK })
		}
	}
	for _, s := range list {
		r.wantInOrder(t, s)
		if s.streams() != 1 {
			t.Errorf("there were %d streams, want that the first stays open", s.streams())
		}
	}
}
