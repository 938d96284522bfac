package hub

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/hub/eventlog"
)

// joinFrom is join from a place.
func (h *harness) joinFrom(from From, resume string, channels ...string) *peer {
	h.Helper()
	p := h.newPeer(endless)
	p.attach(Subscription{Resume: resume, Channels: channels, From: from})
	h.rest()
	return p
}

// A fresh start begins at the requested place, and the position of registered resumes all of it.
func TestFrom(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 3}, Options{}, func(h *harness) {
		h.publish("b", "a", "a", "a", "a", "b", "c") // a keeps 3, 4 and 5
		now, last := h.joinFrom(FromNow, "", "a", "b"), h.joinFrom(FromLast, "", "b", "a", "none")
		oldest, none := h.joinFrom(FromOldest, "", "a", "b"), h.joinFrom(FromLast, "", "none")
		again := h.joinFrom(FromOldest, last.frames()[0].id, "a", "b")
		h.publish("a", "none")
		now.want("registered@7", "a 8@8")
		last.want("registered@4", "a 5@5", "b 6@6", "a 8@8", "none 9@9")
		again.want("registered resumed@4", "a 5@5", "b 6@6", "a 8@8")
		none.want("registered@7", "none 9@9")
		oldest.want("registered@0", "b 1@1", "a 3@3", "a 4@4", "a 5@5", "b 6@6", "a 8@8")
	})
}

// A channel that several entries of a stream mean begins once.
func TestFromLastOfPatterns(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a.b", "a.c", "a.b", "b")
		last := h.joinFrom(FromLast, "", "a.*", "a.b", "b", "a.>")
		oldest := h.joinFrom(FromOldest, "", "a.*", "a.b")
		h.publish("a.b")
		last.want("registered@1", "a.c 2@2", "a.b 3@3", "b 4@4", "a.b 5@5")
		oldest.want("registered@0", "a.b 1@1", "a.c 2@2", "a.b 3@3", "a.b 5@5")
	})
}

// From the oldest event on, what was dropped before is no gap, of no channel; what is dropped while
// the stream reads is one.
func TestFromOldestGaps(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 3}, Options{}, func(h *harness) {
		h.publish("b", "a", "a", "a", "a")
		p := h.newPeer(0)
		p.attach(Subscription{Channels: []string{"a", "b"}, From: FromOldest})
		h.rest()
		h.publish("a", "b")
		p.give(endless)
		h.rest()
		p.want("registered@0", `gap a {"after":"e-0","reason":"evicted"}@0`, "b 1@1", "a 4@4", "a 5@5", "a 6@6", "b 7@7")
	})
}

// An unknown position is announced, and the stream begins at the requested place.
func TestFromUnknownPosition(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		h.publish("a", "b", "a")
		gap := ` {"after":"f-9","reason":"epoch"}@`
		h.joinFrom(FromNow, "f-9", "a", "b").want("registered@f-9", "gap a"+gap+"f-9", "gap b"+gap+"3")
		h.joinFrom(FromLast, "f-9", "a", "b").want("registered@f-9", "gap a"+gap+"f-9", "gap b"+gap+"1", "b 2@2", "a 3@3")
		h.joinFrom(FromOldest, "f-9", "b", "a").want("registered@f-9", "gap b"+gap+"f-9", "gap a"+gap+"0",
			"a 1@1", "b 2@2", "a 3@3")
		h.joinFrom(FromLast, "e-2", "a", "b").want("registered resumed@2", "a 3@3")
	})
}

// A stream that takes little at a time gets each channel's newest event once.
func TestFromLastInSteps(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		var names, want []string
		for i := range 3 * liveBatch {
			names = append(names, fmt.Sprint("c", i))
			want = append(want, fmt.Sprintf("c%d %d@%d", i, i+1, i+1))
		}
		h.publish(names...)
		p := h.newPeer(100)
		p.attach(Subscription{Channels: names, From: FromLast})
		h.publish("c0")
		for range 400 {
			p.give(500)
			h.rest()
		}
		p.give(endless)
		h.rest()
		last := fmt.Sprintf("c0 %d@%d", len(names)+1, len(names)+1)
		p.want(append(append([]string{"registered@0"}, want...), last)...)
	})
}

// What was read elsewhere comes before what the log keeps. What the log has dropped since is a gap.
func TestFromOldestOlder(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 2}, Options{}, func(h *harness) {
		h.publish("a", "a", "a", "a")
		older := &eventlog.Batch{Through: 2}
		for seq := range uint64(2) {
			ev := eventlog.Event{Channel: "a", Type: "m", Payload: strconv.AppendUint(nil, seq+1, 10)}
			stored := eventlog.Stored{Event: ev, Seq: seq + 1, Time: time.Now()}
			older.Records = append(older.Records, eventlog.Restore(stored, "e"))
		}
		h.publish("a") // 3 goes
		done := 0
		for _, o := range []*eventlog.Batch{older, {Through: 2}} {
			p := h.newPeer(endless)
			p.attach(Subscription{Channels: []string{"a"}, From: FromOldest, Older: o, OlderDone: func() { done++ }})
			h.rest()
			want := []string{"registered@0", "a 1@1", "a 2@2"}
			if len(o.Records) == 0 && o != older {
				want = []string{"registered@2"}
			}
			p.want(append(want, `gap a {"after":"e-2","reason":"evicted"}@2`, "a 4@4", "a 5@5")...)
		}
		if done != 2 {
			t.Errorf("%d batches are let go of, want 2", done)
		}
	})
}

// mute is a dialect without events of the server's own.
var mute = &Dialect{Notice: func(dst []byte, _ eventlog.Position, _, _ string, _ []byte) []byte { return dst }}

// loud is one that has them in capitals.
var loud = &Dialect{
	Notice: func(dst []byte, at eventlog.Position, channel, typ string, payload []byte) []byte {
		return eventlog.AppendNotice(dst, at, channel, typ, bytes.ToUpper(payload))
	},
	LastEvent: func(epoch string, r *eventlog.Record) []byte { return []byte(`"` + epoch + `"`) },
}

// All of the server's own events are in the stream's dialect: those of the start, notices, those in the live flow, and
// the goodbye, in whose place a stream without such events has its position.
func TestDialectNotices(t *testing.T) {
	inBubble(t, eventlog.Options{Events: 2}, Options{Shards: 1}, func(h *harness) {
		h.publish("a", "a", "a", "a")
		attach := func(d *Dialect, resume string, wants Wants) *peer {
			p := h.newPeer(endless)
			p.attach(Subscription{Channels: []string{"a"}, Resume: resume, Wants: wants, Dialect: d, From: FromHead})
			h.rest()
			return p
		}
		silent, hole := attach(mute, "f-1", 0), attach(mute, "e-1", 0)
		fresh, lost := attach(loud, "", WantOnline|WantMembers), attach(loud, "e-1", WantOnline|WantMembers)
		plain := attach(nil, "e-4", WantOnline|WantMembers)
		for _, p := range []*peer{fresh, lost, plain} {
			p.conn.StartNotices([]*Notice{{Channel: "a", Type: "presence", Payload: []byte(`"in"`)}}, nil)
		}
		h.rest()
		for v := range uint64(2) {
			h.hub.Notify(&Notice{Type: "online-presence", Payload: []byte(`"all"`), Version: v + 1})
			h.hub.Notify(&Notice{Channel: "a", Type: "presence", Payload: []byte(`"one"`), Version: v + 1})
			h.rest()
		}
		for _, p := range []*peer{silent, hole, fresh, lost, plain} {
			p.conn.End(Kicked)
		}
		h.rest()
		own := func(payload func(string) string) []string {
			return []string{
				"presence a " + payload(`"in"`) + "@4",
				"online-presence " + payload(`"all"`) + "@4", "presence a " + payload(`"one"`) + "@4",
				"online-presence " + payload(`"all"`) + "@4", "presence a " + payload(`"one"`) + "@4",
			}
		}
		upper, same := own(strings.ToUpper), own(func(s string) string { return s })
		for _, p := range []*peer{fresh, lost} {
			frames := p.frames()
			if bye := frames[len(frames)-1]; !strings.Contains(bye.data, `{\"CODE\":\"KICKED\"`) {
				t.Errorf("the stream ends with %q", bye.raw)
			}
		}
		const bye = "goodbye {@4" // in capitals
		fresh.want(append(append([]string{"registered@4", `lastEvent a "E"@4`}, upper...), bye)...)
		missed := []string{"registered resumed@1", `gap a {"AFTER":"E-1","REASON":"EVICTED"}@1`, "a 3@3", "a 4@4"}
		lost.want(append(append(missed, upper...), bye)...)
		plain.want(append(append([]string{"registered resumed@4"}, same...), "goodbye kicked@4")...)
		for p, want := range map[*peer][]string{silent: {"registered@4"}, hole: {"registered resumed@1", "a 3@3", "a 4@4"}} {
			frames := p.frames()
			end := frames[len(frames)-1]
			if end.typ != "" || end.data != "" || end.id != "e-4" || end.retry < 1000 {
				t.Errorf("the stream ends with %q", end.raw)
			}
			p.wire.frames = frames[:len(frames)-1]
			p.want(want...)
		}
	})
}

// An event that is sent to one stream is in its dialect, too.
func TestDialectDirect(t *testing.T) {
	inBubble(t, eventlog.Options{}, Options{}, func(h *harness) {
		for d, want := range map[*Dialect]string{
			nil:      `data: {"type":"direct","payload":1,`,
			loud:     `data: {"type":"direct","payload":1,`,
			spoken(): `data: {"channelName":"","type":"direct","payload":[1]}`,
		} {
			p := h.newPeer(endless)
			p.attach(Subscription{Channels: []string{"a"}, Dialect: d, From: FromNow})
			p.conn.SendEvent(direct, func(bool) {})
			h.rest()
			frames := p.frames()
			if last := frames[len(frames)-1]; !strings.Contains(last.raw, "event: direct\n"+want) {
				t.Errorf("got %q, want %q", last.raw, want)
			}
		}
	})
}

// A gap in the live flow, of a log that follows another, is a notice like others.
func TestDialectMiss(t *testing.T) {
	inBubbleFollowing(t, func(log *eventlog.Memory, h *Hub) {
		for d, want := range map[*Dialect]string{
			nil:                   `"payload":"{\"after\":\"e-`,
			{Render: loud.Render}: `"payload":"{\"after\":\"e-`,
			loud:                  `"payload":"{\"AFTER\":\"E-`,
			mute:                  "",
		} {
			f := newFake(false, endless)
			h.Attach(Subscription{Channels: []string{"a"}, Transport: f, Owner: new(owner), Dialect: d, From: FromNow})
			head := log.Head().Seq
			if err := log.Miss(t.Context(), []string{"a"}, head+2); err != nil {
				t.Fatal(err)
			}
			ev := eventlog.Event{Channel: "a", Type: "m", Payload: []byte("1")}
			if err := log.Follow(t.Context(), []eventlog.Stored{{Event: ev, Seq: head + 3, Time: time.Now()}}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			got := string(f.look().taken)
			gap, event, _ := strings.Cut(got, "event: m")
			if want == "" && gap != fmt.Sprintf("id: e-%d\n", head+3) || !strings.Contains(gap, want) || event == "" {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// inBubbleFollowing runs a test with a hub on a log that follows another.
func inBubbleFollowing(t *testing.T, test func(log *eventlog.Memory, h *Hub)) {
	synctest.Test(t, func(*testing.T) {
		log := eventlog.NewFollower(eventlog.Options{Epoch: "e"}, 0)
		h := New(log, Options{Shards: 1})
		test(log, h)
		h.Close()
		_ = log.Close()
	})
}
