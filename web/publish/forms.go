package publish

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tmaxmax/go-sse"

	"rollcall/hub/eventlog"
	"rollcall/web/reply"
)

// readText gives the text as it comes, cut between characters.
func (a *arriving) readText(body *bodyReader, each func(typ string, payload []byte) error) error {
	most := max(min(pieceBytes, a.p.opts.MaxPayloadBytes/6-2), utf8.UTFMax) // a character may take six bytes in JSON
	buf := make([]byte, most)
	for held := 0; ; {
		n, err := body.Read(buf[held:])
		n += held
		whole := wholeCharacters(buf[:n])
		if !utf8.Valid(buf[:whole]) || err == io.EOF && whole < n {
			return reply.NewFault(http.StatusBadRequest, "invalid_body", "The text is not UTF-8. What had arrived before is published.")
		}
		if whole > 0 {
			if err := each("", eventlog.AppendString(nil, buf[:whole])); err != nil {
				return err
			}
		}
		held = copy(buf, buf[whole:n])
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wholeCharacters returns the length of text without a character that is cut at the end.
func wholeCharacters(text []byte) int {
	for i := 1; i <= min(len(text), utf8.UTFMax); i++ {
		if at := len(text) - i; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// readLines gives the JSON value of each line.
func (a *arriving) readLines(body *bodyReader, each func(typ string, payload []byte) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, a.p.opts.MaxPayloadBytes+4)
	lines.Split(func(data []byte, end bool) (int, []byte, error) {
		if end && body.err != io.EOF && bytes.IndexByte(data, '\n') < 0 {
			return len(data), nil, nil // a line that broke off
		}
		return bufio.ScanLines(data, end)
	})
	for lines.Scan() {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if !utf8.Valid(text) || !json.Valid(text) {
			return reply.NewFault(http.StatusBadRequest, "invalid_json", fmt.Sprintf("A line is not JSON: %.40q. What had arrived before it is published.", text))
		}
		if err := each("", bytes.Clone(text)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// readEvents gives the data of each event: the value where that is JSON, else the text.
func (a *arriving) readEvents(body *bodyReader, each func(typ string, payload []byte) error) (err error) {
	for ev, e := range sse.Read(body, &sse.ReadConfig{MaxEventSize: a.p.opts.MaxPayloadBytes + 1024}) {
		if errors.Is(e, sse.ErrUnexpectedEOF) && body.err == io.EOF {
			return nil // an event without its blank line is none (WHATWG HTML, section 9.2.6)
		} else if e != nil {
			return e
		}
		if ev.Data == "" {
			continue
		}
		payload := []byte(ev.Data)
		if a.event.Append != "" || !json.Valid(payload) || !utf8.Valid(payload) {
			if !utf8.Valid(payload) {
				return reply.NewFault(http.StatusBadRequest, "invalid_body", "An event's data is not UTF-8. What had arrived before it is published.")
			}
			payload = eventlog.AppendString(nil, payload)
		}
		if err := each(ev.Type, reply.OneLine(payload)); err != nil {
			return err
		}
	}
	return nil
}

// bodyReader reads a body that may be silent for some time.
type bodyReader struct {
	body io.Reader
	rc   *http.ResponseController
	quit <-chan struct{}
	err  error // of the last read
}

func (r *bodyReader) Read(p []byte) (n int, err error) {
	defer func() { r.err = err }()
	_ = r.rc.SetReadDeadline(time.Now().Add(bodySilence))
	select {
	case <-r.quit: // the deadline was just moved
		return 0, errStopped
	default:
	}
	return r.body.Read(p)
}
