package jetlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollcall/hub/eventlog"
)

// The server's own notes have a share of the stream: however many all nodes write, they push out no events of others.
func TestNotesHaveAShareOfTheStream(t *testing.T) {
	f := newFleet(t, 1)
	opts := Options{Bytes: 2 << 20}
	nodes := []*Log{open(t, f.link(), opts), open(t, f.link(), opts)}
	payload := []byte(`"` + strings.Repeat("x", 1022) + `"`)
	const history = 1000
	for i := range history {
		publish(t, nodes[i%2], eventlog.Event{Channel: "a", Type: "message", Payload: payload})
	}
	flood := func(node *Log) (stored int) {
		for i := range 2000 {
			_, err := node.Append(context.Background(), []eventlog.Event{{Channel: fmt.Sprint("$own.", i), Type: "note", Payload: payload}})
			if errors.Is(err, ErrFull) {
				return stored
			}
			check(t, err)
			stored++
		}
		return stored
	}
	if n := flood(nodes[0]); n == 0 || n > 128 {
		t.Errorf("%d notes of 1 KiB are stored, their share is 128 KiB", n)
	}
	caughtUp(t, nodes[1], nodes[0].Head().Seq)
	if n := flood(nodes[1]); n > 1 {
		t.Errorf("%d more are stored by another node", n)
	}
	if n := flood(open(t, f.link(), opts)); n > 1 {
		t.Errorf("%d more are stored by a node that begins later", n)
	}
	last := publish(t, nodes[1], eventlog.Event{Channel: eventlog.ClientChannel("ann"), Type: "message", Payload: payload})
	if last[0].Seq == 0 {
		t.Error("an event to a client has no number")
	}
	info, err := nodes[0].link.info(context.Background(), nodes[0].opts.Stream)
	check(t, err)
	if info.State.FirstSeq != 1 {
		t.Errorf("the stream begins at %d: notes pushed out the events of others", info.State.FirstSeq)
	}
}
