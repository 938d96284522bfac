package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher is another program that publishes on NATS.
func (f *fleet) publisher() *nats.Conn {
	f.t.Helper()
	nc, err := nats.Connect(f.url(0))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(nc.Close)
	return nc
}

// told returns the payloads of a stream's events on a channel, in order.
func told(all []sse, channel string) (payloads []string) {
	for _, e := range all {
		if strings.Contains(e.data, `"channelName":"`+channel+`"`) && e.kind != "lastEvent" {
			payloads = append(payloads, e.kind+" "+e.payload())
		}
	}
	return payloads
}

// Messages on plain NATS subjects are events of all servers, while one server after the other is killed: each once, in order.
func TestIngestByThreeServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	nodes, bases := f.nodes(3, "--ingest=orders.>", "--ingest=news", "--presence-grace=0")
	client, nc := patient(t), f.publisher()
	all := open(t, "/subscribe?channels=orders.1,orders.eu.2,news", bases...)
	last := open(t, "/subscribe?channels=news", bases[2])
	var want []string
	send := func(n int) {
		t.Helper()
		for range n {
			m := &nats.Msg{Subject: "orders.1", Data: []byte("n" + strconv.Itoa(len(want))), Header: nats.Header{"Rollcall-Type": {"order"}}}
			if len(want)%2 == 0 {
				m.Header.Set(nats.MsgIdHdr, fmt.Sprint("id", len(want)))
			}
			if err := nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			want = append(want, "order n"+strconv.Itoa(len(want)))
		}
	}
	arrive := func(why string) {
		t.Helper()
		all.until(t, why, func(got []sse) bool { return len(told(got, "orders.1")) >= len(want) })
	}
	send(100)
	arrive("the first messages are events")
	for i, n := range nodes[:2] { // the reader is the first by name
		send(50)
		n.signal(syscall.SIGKILL)
		n.wantExit(-1)
		send(100)
		arrive(fmt.Sprintf("the messages are events after %d deaths", i+1))
	}
	nodes[0].again()
	send(100)
	arrive("the messages are events with the first server back")
	if got := told(all.events(), "orders.1"); !slices.Equal(got, want) {
		t.Errorf("%d messages are %d events, or in another order", len(want), len(got))
	}
	for _, msg := range []*nats.Msg{
		{Subject: "orders.eu.2", Data: []byte("plain text")},
		{Subject: "orders.a,b", Data: []byte("1")},
		{Subject: "orders.eu.2", Data: []byte("1"), Header: nats.Header{"Rollcall-Type": {"goodbye"}}},
		{Subject: "orders.eu.2", Data: []byte(`"` + strings.Repeat("x", 61<<10) + `"`)},
		{Subject: "news", Data: []byte(`"the end"`)},
	} {
		if err := nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	last.until(t, "the end is an event", func(got []sse) bool { return slices.Equal(told(got, "news"), []string{"message the end"}) })
	all.until(t, "text is an event", func(got []sse) bool { return slices.Equal(told(got, "orders.eu.2"), []string{"message plain text"}) })
	until(t, "the reader counts what it refused", func() bool {
		text := ask(t, client, nodes[0].url+"/metrics", "").body
		return strings.Contains(text, "\nrollcall_ingest_messages_total{result=\"refused\"} 3\n")
	})
}

func TestIngestSettings(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	url := "--nats=" + f.url(0)
	for says, args := range map[string][]string{
		"--ingest: it needs --nats":                         {"--ingest=orders.>"},
		`--ingest: ">" must begin with a name`:              {url, "--ingest=>"},
		`--ingest: "rollcall.x" must begin with a name`:     {url, "--ingest=rollcall.x"},
		`"orders.>" and "orders.1" have subjects in common`: {url, "--ingest=orders.>", "--ingest=orders.1"},
		`"orders.*" and "orders.1" have subjects in common`: {url, "--ingest=orders.*,orders.1"},
	} {
		if _, _, err := parse(t, "", nil, args...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", args, err, says)
		}
	}
	js, err := jetstream.New(f.publisher())
	if err == nil {
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"orders.>"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "another stream has some of the subjects", url, "--ingest=orders.1")
}

// The machines of a NATS cluster stop and come back one after the other, while a program publishes with acknowledgement: each message
// that was acknowledged is an event, once, in order.
func TestIngestFromANATSCluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for elections")
	}
	f := newFleet(t, 3)
	_, bases := f.nodes(2, "--nats-replicas=3", "--ingest=orders.>", "--history-events=100000")
	nc, err := nats.Connect(strings.Join([]string{f.url(0), f.url(1), f.url(2)}, ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream := open(t, "/subscribe?channels=orders.1", bases...)
	var want []string
	send := func(n int) {
		for range n {
			text := "n" + strconv.Itoa(len(want))
			until(t, text+" is acknowledged", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := js.Publish(ctx, "orders.1", []byte(text), jetstream.WithMsgID(text))
				return err == nil
			})
			want = append(want, "message "+text)
		}
	}
	for i := range f.servers {
		send(30)
		f.stop(i)
		send(30)
		f.start(i)
		f.ready()
	}
	send(30)
	stream.until(t, "all messages are events", func(got []sse) bool { return len(told(got, "orders.1")) >= len(want) })
	if got := told(stream.events(), "orders.1"); !slices.Equal(got, want) {
		t.Errorf("%d messages are %d events, or in another order:\n%q", len(want), len(got), got)
	}
}
