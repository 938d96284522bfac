package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"rollcall/hub/eventlog"
)

// Headers of a message.
const (
	HeaderType        = "Rollcall-Type" // of the event; "message" without it
	headerContentType = "Content-Type"  // text/… makes the body text, application/json JSON
)

// usualType is the type of an event whose message names none.
const usualType = "message"

// eventOf makes an event of a message. An error is the end of a sentence that begins with the message.
func eventOf(subject string, header nats.Header, body []byte, id string, most int) (eventlog.Event, error) {
	ev := eventlog.Event{Channel: subject, Type: usualType, Key: id}
	if typ := header.Get(HeaderType); typ != "" {
		ev.Type = typ
	}
	if err := eventlog.CheckChannel(ev.Channel); err != nil {
		return ev, fmt.Errorf("has a subject that %w", err)
	}
	if err := eventlog.CheckType(ev.Type); err != nil {
		return ev, fmt.Errorf("has a type that %w", err)
	}
	var err error
	if ev.Payload, err = payload(header.Get(headerContentType), body); err != nil {
		return ev, err
	}
	if len(ev.Payload) > most {
		return ev, fmt.Errorf("gives a payload of %d bytes; it may have %d", len(ev.Payload), most)
	}
	return ev, nil
}

// payload returns the body as one line of JSON: as it is if it is JSON, else as a string.
func payload(kind string, body []byte) ([]byte, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("is neither JSON nor text: it is not UTF-8")
	}
	media, _, _ := mime.ParseMediaType(kind) // "" for none and for what can't be read
	valid := json.Valid(body)
	switch text := strings.HasPrefix(media, "text/"); {
	case media == "application/json" && !valid:
		return nil, errors.New("is not JSON, though its Content-Type says so")
	case text || !valid:
		return eventlog.AppendString(nil, string(body)), nil
	case bytes.ContainsAny(body, "\r\n"):
		var line bytes.Buffer
		_ = json.Compact(&line, body) // it is valid
		return line.Bytes(), nil
	}
	return body, nil
}

// keyOf returns the idempotency key of a message: of its Nats-Msg-Id, or else of its number in this life of the stream.
func keyOf(header nats.Header, life string, seq uint64) string {
	id := header.Get(nats.MsgIdHdr)
	if id == "" {
		return "nats-seq:" + life + ":" + strconv.FormatUint(seq, 10)
	}
	const prefix = "nats-id:"
	if len(prefix)+len(id) > eventlog.MaxKey {
		sum := sha256.Sum256([]byte(id))
		id = "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return prefix + id
}
