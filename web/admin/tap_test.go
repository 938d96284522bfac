package admin

import (
	"fmt"
	"testing"

	"rollcall/web/node"
)

// sseOf returns an event of the log as a stream is given it.
func sseOf(seq int) []byte {
	return fmt.Appendf(nil, "id: e-%d\nevent: note\ndata: {\"channelName\":\"a\",\"type\":\"note\",\"payload\":%d}\n\n", seq, seq)
}

// A tap has one row for an event, with a mark for each connection that was given it, on whatever server.
func TestTapRows(t *testing.T) {
	p := &tapPage{run: "run"}
	fresh, changed := p.add([]tapEvent{{1, "conn-one-of-ada", "n1", sseOf(1)}, {2, "conn-two-of-ada", "n1", sseOf(1)}, {3, "conn-one-of-ada", "n1", sseOf(2)}})
	if len(fresh) != 2 || len(changed) != 0 || len(p.rows) != 2 {
		t.Fatalf("%d new rows, %d changed, %d in all", len(fresh), len(changed), len(p.rows))
	}
	fresh, changed = p.add([]tapEvent{{1, "three-of-ada", "n2", sseOf(1)}, {4, "conn-one-of-ada", "n1", sseOf(2)}})
	if len(fresh) != 1 || len(changed) != 1 || changed[0].ID != p.rows[2].Key || len(p.rows[2].Connections) != 3 {
		t.Errorf("%d new rows, %+v changed: %+v", len(fresh), changed, p.rows[2])
	}
}

// An answer repeats events of earlier ones, which are shown once. A tap that was closed meanwhile counts anew.
func TestTapOfAnotherServer(t *testing.T) {
	p := &tapPage{}
	answer := func(counts ...uint64) (list []uint64) {
		a := node.Answer[tapAnswer]{Session: "s"}
		for _, n := range counts {
			a.Value.Events = append(a.Value.Events, tapEvent{Count: n})
		}
		for _, e := range p.unseen(a) {
			list = append(list, e.Count)
		}
		return list
	}
	for _, c := range []struct{ told, shown []uint64 }{
		{[]uint64{1, 2}, []uint64{1, 2}}, {[]uint64{1, 2, 3}, []uint64{3}}, {[]uint64{1, 2, 3}, nil}, {nil, nil}, {[]uint64{1}, []uint64{1}}, {[]uint64{1, 2}, []uint64{2}},
	} {
		if got := answer(c.told...); fmt.Sprint(got) != fmt.Sprint(c.shown) {
			t.Errorf("of %v, %v are shown, want %v", c.told, got, c.shown)
		}
	}
}

// A registered event leaves the server without its stream's secret, in each form.
func TestTapWithoutSecrets(t *testing.T) {
	for _, sse := range []string{
		"id: e-1\nevent: registered\ndata: {\"type\":\"registered\",\"payload\":\"{\\\"clientId\\\":\\\"ada\\\",\\\"secret\\\":\\\"hush\\\"}\"}\n\n",
		"event: registered\ndata: {\"type\":\"registered\",\"payload\":{\"clientId\":\"ada\",\"secret\":\"hush\"}}\n\n",
		"event: registered\ndata: no JSON hush\n\n",
	} {
		got := string(withoutSecrets([]byte(sse)))
		if row := parsedRow([]byte(got)); row.Type != "registered" || !row.Notice {
			t.Errorf("%q is %+v", got, row)
		}
		if contains := fmt.Sprintf("%q", got); len(got) == 0 || containsFold(contains, "hush") {
			t.Errorf("%s has the secret", contains)
		}
	}
	if sse := string(sseOf(1)); string(withoutSecrets([]byte(sse))) != sse {
		t.Error("another event is changed")
	}
}
