package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// wireEvent is an event as the API sends it and as commands print it: with its payload as JSON, even if that is a
// string of JSON on the wire.
type wireEvent struct {
	ID             string          `json:"id,omitempty"`
	ChannelName    string          `json:"channelName,omitempty"`
	ClientID       string          `json:"clientId,omitempty"` // in place of ChannelName
	Type           string          `json:"type"`
	Payload        json.RawMessage `json:"payload"`
	Timestamp      string          `json:"timestamp,omitempty"`
	IdempotencyKey string          `json:"idempotencyKey,omitempty"`
	Except         string          `json:"except,omitempty"`
	Append         string          `json:"append,omitempty"`
	Pieces         int             `json:"pieces,omitempty"`
	End            bool            `json:"end,omitempty"`
}

// printer prints for a person, or JSON lines for a program.
type printer struct {
	out    io.Writer
	json   bool
	screen bool // out is a terminal
	colour bool
}

// newPrinter prints to out, in colour if that is a terminal and NO_COLOR is not set.
func newPrinter(out io.Writer, asJSON bool, s *settings) *printer {
	screen := isTerminal(out)
	return &printer{out: out, json: asJSON, screen: screen, colour: screen && s.env["NO_COLOR"] == "" && s.env["TERM"] != "dumb"}
}

// The colours of a line, as ANSI codes.
const (
	dim    = "2"
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint colours text that is printed to a terminal.
func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// object prints one JSON line. On a terminal it does nothing but show: see [printable].
func (p *printer) object(v any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	text := line.String()
	if p.screen {
		text = printable(strings.TrimSuffix(text, "\n")) + "\n"
	}
	_, err := io.WriteString(p.out, text)
	return err
}

// text prints a payload as it is. On a terminal it does nothing but show, line by line.
func (p *printer) text(payload string) error {
	if p.screen {
		lines := strings.Split(payload, "\n")
		for i := range lines {
			lines[i] = printable(lines[i])
		}
		payload = strings.Join(lines, "\n")
	}
	_, err := io.WriteString(p.out, payload+"\n")
	return err
}

// event prints one event: its time of day, channel, type and payload.
func (p *printer) event(e wireEvent) error {
	if p.json {
		return p.object(e)
	}
	style := cyan
	if e.Timestamp == "" {
		style = dim // the server's own
	}
	_, err := fmt.Fprintf(p.out, "%s  %s  %s  %s\n", p.paint(dim, clock(e.Timestamp)), p.paint(bold, printable(orDash(e.ChannelName))),
		p.paint(style, printable(e.Type)), printable(string(e.Payload)))
	return err
}

// table prints rows in columns, the first of which is the head.
func (p *printer) table(rows [][]string) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, printable(orDash(cell)))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// clock is a timestamp's time of day here, or that of now without one.
func clock(timestamp string) string {
	at, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		at = time.Now()
	}
	return at.Local().Format("15:04:05.000")
}

// day is a timestamp here, to the second.
func day(timestamp string) string {
	at, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		return timestamp
	}
	return at.Local().Format("2006-01-02 15:04:05")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// printable returns text that has no effect on a terminal: control characters are written as \u001b, and so are those
// that change the direction of writing. JSON keeps its meaning.
func printable(text string) string {
	bad := func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }
	if strings.IndexFunc(text, bad) < 0 {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if bad(c) {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// compact is JSON on one line; null is nothing.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil || b.String() == "null" {
		return ""
	}
	return b.String()
}
