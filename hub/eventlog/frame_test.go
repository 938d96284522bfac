package eventlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"
)

var noon = time.Date(2026, 11, 20, 15, 4, 5, 123_456_789, time.FixedZone("east", 2*3600))

// sealed encodes an event with room for a count of digits and then gives it seq.
func sealed(ev *Event, epoch string, digits int, seq uint64) *Record {
	d := encode(ev, epoch, digits, Stamp(noon), 0)
	d.seal(epoch, seq)
	r := d.Record
	return &r
}

func TestFrameBytes(t *testing.T) {
	ev := &Event{Channel: "channel1", Type: "message", Payload: []byte(`"hi again"`)}
	const want = "id: 5k2f9q-1042\nevent: message\n" +
		`data: {"channelName":"channel1","type":"message","payload":"hi again","timestamp":"2026-11-20T13:04:05.123Z"}` + "\n\n"
	f := sealed(ev, "5k2f9q", 4, 1042).Frame()
	if got := string(f.SSE()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := string(f.Chunk()), "8e\r\n"+want+"\r\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	ev.Bare = true
	const bare = "id: e-1\nevent: message\ndata: \"hi again\"\n\n"
	if got := string(sealed(ev, "e", 1, 1).Frame().SSE()); got != bare {
		t.Errorf("got  %q\nwant %q", got, bare)
	}
}

func TestNoticeBytes(t *testing.T) {
	at := Position{"5k2f9q", 1041}
	got := string(AppendNotice([]byte("x"), at, "a", "lastEvent", []byte(`{"type":"message"}`)))
	want := "xid: 5k2f9q-1041\nevent: lastEvent\n" + `data: {"channelName":"a","type":"lastEvent","payload":"{\"type\":\"message\"}"}` + "\n\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = string(AppendNotice(nil, at, "", "registered", []byte(`{}`)))
	want = "id: 5k2f9q-1041\nevent: registered\n" + `data: {"type":"registered","payload":"{}"}` + "\n\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = string(AppendBare(nil, at, "join", []byte("{\n}")))
	want = "id: 5k2f9q-1041\nevent: join\ndata: { }\n\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A sequence number may turn out to have more digits, or fewer, than there is
// room for, and a frame's size more hex digits.
func TestSealRoom(t *testing.T) {
	seqs := []uint64{1, 9, 10, 100, 999_999_999, 1_000_000_000, math.MaxUint64}
	var sizes []int
	for _, edge := range []int{0, 0xff, 0xfff, 0xffff} { // of the chunk, in bytes
		for n := max(edge-190, 0); n < edge+40; n += 1 + edge>>13 {
			sizes = append(sizes, n)
		}
	}
	for _, channel := range []string{"c", `"""\\\"""`, strings.Repeat(`"`, 255)} {
		for _, size := range sizes {
			ev := &Event{Channel: channel, Type: "t", Payload: fmt.Appendf(nil, "%q", strings.Repeat("x", size)), Bare: size%3 == 0}
			for _, digits := range []int{1, 2, 20} {
				for _, seq := range seqs {
					r := sealed(ev, "epoch.1", digits, seq)
					f := r.Frame()
					if !bytes.HasPrefix(f.SSE(), fmt.Appendf(nil, "id: epoch.1-%d\nevent: t\ndata: ", seq)) || !bytes.HasSuffix(f.SSE(), []byte("\n\n")) {
						t.Fatalf("%d bytes, room for %d digits, seq %d: %.100q", size, digits, seq, f.SSE())
					}
					if !bytes.Equal(f.Chunk(), NewFrame(f.SSE()).Chunk()) {
						t.Fatalf("%d bytes, room for %d digits, seq %d: chunk %.100q", size, digits, seq, f.Chunk())
					}
					if r.Seq != seq || r.Type() != "t" || !bytes.Equal(r.Payload(), ev.Payload) || (r.Timestamp() == "") != ev.Bare {
						t.Fatalf("%d bytes, room for %d digits, seq %d: %q %.100q %q", size, digits, seq, r.Type(), r.Payload(), r.Timestamp())
					}
				}
			}
		}
	}
}

// FuzzFrame makes frames of any event that passes the checks and reads them back
// with readers that share nothing with this package.
func FuzzFrame(f *testing.F) {
	f.Add("channel1", "message", []byte(`"hi"`), uint64(1), uint8(1), false)
	f.Add(`"\`, `"\`, []byte("{\r\n\t\"a\": [1,\r2,\n3]}"), uint64(99), uint8(1), false)
	f.Add("snow ☃\u2028.", "data: x", []byte("null\n\ndata: injected\n\nid: 7\n\n"), uint64(math.MaxUint64), uint8(3), true)
	f.Add("cr", "alone", []byte("[1,\rid: 7\r\r2]"), uint64(7), uint8(2), false)
	f.Add(":", " event", []byte("\"\xff\xfe\""), uint64(10), uint8(20), false)
	f.Add("a", "\uFEFF", []byte(""), uint64(0), uint8(0), true)
	f.Fuzz(func(t *testing.T, channel, typ string, payload []byte, seq uint64, digits uint8, bare bool) {
		if CheckChannel(channel) != nil || CheckType(typ) != nil {
			t.Skip("refused")
		}
		ev := &Event{Channel: channel, Type: typ, Payload: payload, Bare: bare}
		given := bytes.Clone(payload)
		r := sealed(ev, "e.1", int(digits%21), seq)
		if !bytes.Equal(payload, given) {
			t.Fatal("the payload was changed in place")
		}
		at := Position{"e.1", seq}
		line := strings.NewReplacer("\r", " ", "\n", " ").Replace(string(payload))
		if r.Type() != typ || string(r.Payload()) != line || r.Seq != seq {
			t.Fatalf("record %d %q %q of %d %q %q", r.Seq, r.Type(), r.Payload(), seq, typ, payload)
		}
		notice := AppendNotice(nil, at, channel, typ, payload)
		direct := AppendBare(nil, at, typ, payload)
		frames := []Frame{r.Frame(), NewFrame(notice), NewFrame(direct), r.Frame()}

		// All frames in one stream are as many events, whatever they hold.
		got := readSSE(readChunks(t, frames))
		var want []string
		for _, c := range []struct{ bare, notice bool }{{bare: bare}, {notice: true}, {bare: true}, {bare: bare}} {
			switch {
			case c.notice:
				want = append(want, fmt.Sprintf(`{"channelName":%s,"type":%s,"payload":%s}`, quote(channel), quote(typ), quote(string(payload))))
			case c.bare:
				want = append(want, line)
			default:
				want = append(want, fmt.Sprintf(`{"channelName":%s,"type":%s,"payload":%s,"timestamp":"2026-11-20T13:04:05.123Z"}`, quote(channel), quote(typ), line))
			}
		}
		if len(got.events) != len(want) || got.rest || got.retry != -1 {
			t.Fatalf("%d events of %d frames: %q", len(got.events), len(want), got.events)
		}
		for i, ev := range got.events {
			if ev.id != at.String() || ev.typ != typ {
				t.Errorf("frame %d: id %q, type %q, want %v, %q", i, ev.id, ev.typ, at, typ)
			}
			if data := strings.ToValidUTF8(want[i], "�"); ev.data != data {
				t.Errorf("frame %d: data %q, want %q", i, ev.data, data)
			}
		}
		if !bare && json.Valid(payload) && utf8.Valid(payload) {
			checkJSON(t, got.events[0].data, channel, typ, payload)
		}
	})
}

// quote writes s as a JSON string with no escape that isn't needed.
func quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range []byte(s) {
		switch {
		case b == '"' || b == '\\':
			fmt.Fprintf(&out, `\%c`, b)
		case b < 0x20:
			fmt.Fprintf(&out, `\u%04x`, b)
		default:
			out.WriteByte(b)
		}
	}
	return out.String() + `"`
}

// checkJSON reads the data of a frame with encoding/json.
func checkJSON(t *testing.T, data, channel, typ string, payload []byte) {
	t.Helper()
	var got struct {
		ChannelName, Type string
		Payload           json.RawMessage
		Timestamp         time.Time
	}
	dec := json.NewDecoder(strings.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil || dec.More() {
		t.Fatalf("data %q: %v", data, err)
	}
	var sent, read bytes.Buffer
	if json.Compact(&sent, payload) != nil || json.Compact(&read, got.Payload) != nil || sent.String() != read.String() {
		t.Errorf("payload %q, want %q", read.String(), sent.String())
	}
	if got.ChannelName != channel || got.Type != typ || !got.Timestamp.Equal(noon.Truncate(time.Millisecond)) {
		t.Errorf("data %q, want %q, %q and %v", data, channel, typ, noon)
	}
}

// readChunks reads the frames' chunks as two readers of net/http do and wants
// the frames' events.
func readChunks(t *testing.T, frames []Frame) []byte {
	t.Helper()
	var wire, want bytes.Buffer
	for _, f := range frames {
		wire.Write(f.Chunk())
		want.Write(f.SSE())
	}
	wire.WriteString("0\r\n\r\n")
	got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(wire.Bytes())))
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("chunks read as %q, %v, want %q", got, err, want.Bytes())
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(head), &wire)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("response read as %q, %v, want %q", got, err, want.Bytes())
	}
	return want.Bytes()
}

// A trace stands behind the frame, whatever the frame's size does, and costs an event
// without one nothing.
func TestTrace(t *testing.T) {
	for _, channel := range []string{"a", strings.Repeat(`"`, 255)} { // the latter grows as it is escaped
		for _, digits := range []int{1, 20} {
			for _, seq := range []uint64{1, math.MaxUint64} { // more digits than there was room for
				for _, trace := range []string{"", "x", strings.Repeat("t", 255)} {
					ev := &Event{Channel: channel, Type: "message", Payload: []byte(`1`)}
					plain := sealed(ev, "e", digits, seq)
					ev.Trace = trace
					r := sealed(ev, "e", digits, seq)
					if r.Trace() != trace || r.Traced() != (trace != "") {
						t.Errorf("%d bytes of trace come back as %q", len(trace), r.Trace())
					}
					if string(r.Frame().Chunk()) != string(plain.Frame().Chunk()) {
						t.Errorf("the trace shows in %q", r.Frame().Chunk())
					}
				}
			}
		}
	}
	if r := sealed(&Event{Channel: "a", Type: "b", Payload: []byte("1"), Trace: strings.Repeat("t", 256)}, "e", 1, 1); r.Traced() {
		t.Errorf("a trace of 256 bytes is kept as %q", r.Trace())
	}
	if r := Restore(Stored{Event: Event{Channel: "a", Type: "b", Payload: []byte("1"), Trace: "t"}, Seq: 1}, "e"); r.Traced() {
		t.Error("what is restored has a trace")
	}
}

// The records of a log are many: none takes more for what few have.
func TestRecordSize(t *testing.T) {
	if n := unsafe.Sizeof(Record{}); n > 80 {
		t.Errorf("a record takes %d bytes, beside its frame", n)
	}
}
