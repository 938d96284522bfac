package webtest

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is one event as a browser's EventSource would dispatch it.
type Event struct {
	Type string // "message" if the stream has no type
	ID   string // the last event ID at that time
	Data string
}

// Parser reads an event stream as WHATWG HTML, section 9.2.6, says. It belongs to
// one goroutine.
type Parser struct {
	LastID string        // the last event ID that was given
	Retry  time.Duration // the reconnection time, 0 until the stream sets it

	r       *bufio.Reader
	begun   bool
	afterCR bool // the line before ended in CR: a LF belongs to it

	id, typ string
	data    strings.Builder
}

// NewParser returns a parser of the stream that r reads.
func NewParser(r io.Reader) *Parser { return &Parser{r: bufio.NewReader(r)} }

// Next reads up to the next event. At the end of the stream it returns io.EOF and
// drops what is unfinished.
func (p *Parser) Next() (Event, error) {
	for {
		line, err := p.line()
		if err != nil {
			return Event{}, err
		}
		if line != "" {
			p.field(line)
		} else if ev, ok := p.dispatch(); ok {
			return ev, nil
		}
	}
}

// Comment reads up to the next comment line and returns its text. Events before
// it are ignored.
func (p *Parser) Comment() (string, error) {
	for {
		line, err := p.line()
		if err != nil {
			return "", err
		}
		if text, ok := strings.CutPrefix(line, ":"); ok {
			return text, nil
		}
		if line != "" {
			p.field(line)
		} else {
			p.dispatch()
		}
	}
}

// line reads a line, which ends in LF, CR or both.
func (p *Parser) line() (string, error) {
	var line []byte
	for {
		if _, err := p.r.Peek(1); err != nil {
			return "", err
		}
		got, _ := p.r.Peek(p.r.Buffered())
		if p.afterCR && got[0] == '\n' {
			p.afterCR = false
			_, _ = p.r.Discard(1)
			continue
		}
		p.afterCR = false
		end := bytes.IndexByte(got, '\n')
		if cr := bytes.IndexByte(got[:max(end, 0)], '\r'); cr >= 0 {
			end = cr
		} else if end < 0 {
			end = bytes.IndexByte(got, '\r')
		}
		if end < 0 {
			line = append(line, got...)
			_, _ = p.r.Discard(len(got))
			continue
		}
		line = append(line, got[:end]...)
		p.afterCR = got[end] == '\r'
		_, _ = p.r.Discard(end + 1)
		break
	}
	text := string(line)
	if !utf8.ValidString(text) { // which is faster
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if !p.begun {
		p.begun = true
		text = strings.TrimPrefix(text, "\uFEFF")
	}
	return text, nil
}

func (p *Parser) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		p.typ = value
	case "data":
		p.data.WriteString(value)
		p.data.WriteByte('\n')
	case "id":
		if !strings.Contains(value, "\x00") {
			p.id = value
		}
	case "retry":
		if value != "" && strings.Trim(value, "0123456789") == "" {
			if ms, err := strconv.Atoi(value); err == nil {
				p.Retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// dispatch ends an event at a blank line.
func (p *Parser) dispatch() (Event, bool) {
	p.LastID = p.id
	data, typ := p.data.String(), p.typ
	p.data.Reset()
	p.typ = ""
	if data == "" {
		return Event{}, false
	}
	if typ == "" {
		typ = "message"
	}
	return Event{typ, p.id, strings.TrimSuffix(data, "\n")}, true
}
