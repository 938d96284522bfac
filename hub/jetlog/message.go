package jetlog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// Headers of a message.
const (
	headType   = "Rollcall-Type"   // see escape
	headBare   = "Rollcall-Bare"   // "1" for a bare event
	headTrace  = "traceparent"     // of an event with a trace; see escape
	headExcept = "Rollcall-Except" // the connection that the event is not for; see escape
	headAppend = "Rollcall-Append" // the key of the text that the event is a piece of; see escape
	headLast   = "Rollcall-End"    // "1" for the last event of a channel
	headID     = "Nats-Msg-Id"     // see keyID
	headBatch  = "Nats-Batch-Id"
	headPart   = "Nats-Batch-Sequence"
	headEnd    = "Nats-Batch-Commit"
)

const purgeToken = "purge"

var errForeign = errors.New("not a message of ours")

// names makes and reads the subjects of one life of a stream.
type names struct {
	prefix, epoch string
}

// root is the common prefix of all subjects of this epoch. An epoch may have dots.
func (n names) root() string { return n.prefix + "." + strings.ReplaceAll(n.epoch, ".", "~") + "." }

// all is the subject that matches every message of this life.
func (n names) all() string { return n.root() + ">" }

func (n names) event(channel string) string {
	return n.root() + base64.RawURLEncoding.EncodeToString([]byte(channel))
}

func (n names) purge(channel string) string { return n.event(channel) + "." + purgeToken }

// purges is the subject that matches every purge of this life.
func (n names) purges() string { return n.root() + "*." + purgeToken }

// read parses a subject.
func (n names) read(subject string) (epoch, channel string, purge bool, err error) {
	rest, ok := strings.CutPrefix(subject, n.prefix+".")
	epoch, token, ok2 := strings.Cut(rest, ".")
	token, last, more := strings.Cut(token, ".")
	name, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if !ok || !ok2 || err != nil || len(name) == 0 || more && last != purgeToken {
		return "", "", false, errForeign
	}
	return strings.ReplaceAll(epoch, "~", "."), string(name), more, nil
}

// message makes the message of an event.
func (n names) message(ev *eventlog.Event) *nats.Msg {
	m := &nats.Msg{Subject: n.event(ev.Channel), Data: ev.Payload, Header: nats.Header{headType: {escape(ev.Type)}}}
	if ev.Bare {
		m.Header[headBare] = []string{"1"}
	}
	if ev.Trace != "" {
		m.Header[headTrace] = []string{escape(ev.Trace)}
	}
	if ev.Except != "" {
		m.Header[headExcept] = []string{escape(ev.Except)}
	}
	if ev.Append != "" {
		m.Header[headAppend] = []string{escape(ev.Append)}
	}
	if ev.End {
		m.Header[headLast] = []string{"1"}
	}
	if ev.Key != "" {
		m.Header[headID] = []string{keyID(ev)}
	}
	return m
}

// keyID is the stream's name for an idempotency key, which the stream itself looks out for: a hash of channel and key. It
// is the key in the mirror too. It is the same in all epochs: an event that was stored in one is kept in the next.
func keyID(ev *eventlog.Event) string {
	sum := sha256.Sum256([]byte(ev.Channel + "\x00" + ev.Key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// event reads the event of a message; the payload is shared.
func event(channel string, h nats.Header, body []byte, seq uint64, at time.Time) (eventlog.Stored, error) {
	typ, err := unescape(headerValue(h, headType))
	if err != nil || eventlog.CheckType(typ) != nil || len(channel) > eventlog.MaxChannel {
		return eventlog.Stored{}, errForeign
	}
	text := func(head string) string { // an unreadable one counts as none
		s, err := unescape(headerValue(h, head))
		if err != nil || len(s) > eventlog.MaxKey {
			return ""
		}
		return s
	}
	return eventlog.Stored{
		Event: eventlog.Event{
			Channel: channel, Type: typ, Payload: body, Key: headerValue(h, headID), Bare: headerValue(h, headBare) != "", Trace: text(headTrace),
			Except: text(headExcept), Append: text(headAppend), End: headerValue(h, headLast) != "",
		},
		Seq:  seq,
		Time: at,
	}, nil
}

func headerValue(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// escape makes any text a header's value: bytes other than visible ASCII, and "%",
// are written as %XX.
func escape(s string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if plain(s[i]) {
			b.WriteByte(s[i])
		} else {
			b.WriteByte('%')
			b.WriteString(hex.EncodeToString([]byte{s[i]}))
		}
	}
	return b.String()
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", errForeign
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", errForeign
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), nil
}
