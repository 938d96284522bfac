package disklog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/hub/eventlog"
)

// Whatever may be published comes back as it was, now and after a restart; no channel has another one's events.
func TestNames(t *testing.T) {
	names := []string{"a", "aa", "a.b", "$own", "snow ☃", strings.Repeat("x", eventlog.MaxChannel), "\x00", "a\x00", "a\xff", "c\x01a"}
	dir := scratch(t)
	l := open(t, dir, Options{})
	var events []eventlog.Event
	for i, name := range names {
		events = append(events, eventlog.Event{
			Channel: name, Type: "t " + name[:1], Key: name, Trace: strings.Repeat("t", i), Bare: i%2 == 1,
			Payload: fmt.Appendf(nil, `["%d"]`, i),
		})
	}
	results := publish(t, l, events...)
	for range 2 {
		for i, e := range events {
			recs, gaps := records(t, l, names[i:i+1], 0, eventlog.Limit{})
			if len(recs) != 1 || len(gaps) != 0 {
				t.Errorf("%q keeps %d events, gaps of %q", e.Channel, len(recs), gaps)
			} else if r := recs[0]; r.Seq != results[i].Seq || r.Channel() != e.Channel || r.Type() != e.Type || string(r.Payload()) != string(e.Payload) || r.Bare() != e.Bare {
				t.Errorf("got %d %q %q %q, want %d %+v", r.Seq, r.Channel(), r.Type(), r.Payload(), results[i].Seq, e)
			}
		}
		for i, r := range publish(t, l, events...) {
			if want := (eventlog.Result{Seq: results[i].Seq, Duplicate: true}); r != want {
				t.Errorf("%q again: %+v, want %+v", names[i], r, want)
			}
		}
		closeLog(t, l)
		l = open(t, dir, Options{Keep: eventlog.Options{Budget: 1}}) // read from the disk
		for i, e := range events {
			b, err := l.Older(t.Context(), names[i:i+1], results[i].Seq-1, eventlog.Limit{})
			if err != nil || len(b.Records) != 1 || b.Records[0].Channel() != e.Channel || string(b.Records[0].Payload()) != string(e.Payload) {
				t.Errorf("%q on the disk: %d events, %v", e.Channel, len(b.Records), err)
			}
		}
		closeLog(t, l)
		l = open(t, dir, Options{})
	}
}

// A block is read as it was written, compressed or not, and one that is compressed and damaged is refused.
func TestPack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SliceOfN(rapid.ByteRange(0, 63), 1, 3000).Draw(rt, "block")
		block := bytes.Repeat(text, rapid.IntRange(1, 20).Draw(rt, "times"))
		value := pack(nil, bytes.Clone(block))
		if got, err := unpack(value); err != nil || !bytes.Equal(got, block) {
			rt.Fatalf("%d bytes became %d, and then %d, %v", len(block), len(value), len(got), err)
		}
		if value[0] == packedMark {
			if _, err := unpack(value[:len(value)-1]); err == nil {
				rt.Fatal("a block that is cut is read")
			}
		}
	})
	if value := pack(nil, bytes.Repeat([]byte("a"), 4096)); len(value) > 200 {
		t.Errorf("4 KiB of one letter are %d bytes", len(value))
	}
	if _, err := unpack([]byte{packedMark, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1}); err == nil {
		t.Error("a block that claims to have very many bytes is read")
	}
}

// FuzzBlock: what is no block is refused, and reads no more than there is.
func FuzzBlock(f *testing.F) {
	at := item{}
	it := item{Stored: eventlog.Stored{Event: ev("a", 1), Seq: 7}, prev: 3}
	f.Add(appendItem(nil, &at, &it))
	it.Payload = bytes.Repeat([]byte("1"), 2*packMin)
	f.Add(pack(nil, appendItem(nil, &at, &it)))
	f.Fuzz(func(t *testing.T, value []byte) {
		block, err := unpack(value)
		if err != nil {
			return
		}
		items, err := readBlock(nil, block)
		for i := 1; i < len(items) && err == nil; i++ {
			if items[i].Seq <= items[i-1].Seq {
				t.Errorf("%d follows %d", items[i].Seq, items[i-1].Seq)
			}
		}
	})
}
