package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// line is an event of the input, with its place.
type line struct {
	event  []byte // as it is sent
	number int    // from 1; 0 for none
	err    error
}

// lineReader makes lines of events, one after the other.
type lineReader struct {
	keyed bool // events without a key get one
	key   string
	keys  uint64
	body  bytes.Buffer
}

func newLineReader(keyed bool) *lineReader { return &lineReader{keyed: keyed, key: rand.Text()} }

// line makes the line of an event.
func (r *lineReader) line(e *wireEvent) (l line, err error) {
	e.ID, e.Timestamp, e.Pieces = "", "", 0
	if e.IdempotencyKey == "" && r.keyed {
		r.keys++
		e.IdempotencyKey = r.key + "-" + strconv.FormatUint(r.keys, 10)
	}
	r.body.Reset()
	encoder := json.NewEncoder(&r.body)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(e)
	l.event = bytes.Clone(bytes.TrimSuffix(r.body.Bytes(), []byte("\n")))
	return l, err
}

// read reads events until the input or ctx ends. It closes lines; the last one has an error if reading failed. Lines are decoded
// and encoded while a request is on its way.
func (r *lineReader) read(ctx context.Context, in io.Reader, lines chan<- line) {
	defer close(lines)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 64<<10), 64<<20)
	number := 1
	for ; scanner.Scan(); number++ {
		if len(scanner.Bytes()) == 0 {
			continue
		}
		var e wireEvent
		var l line
		err := json.Unmarshal(scanner.Bytes(), &e)
		if err == nil {
			l, err = r.line(&e)
		}
		if err != nil {
			l.err = fmt.Errorf("line %d is not an event in JSON: %w", number, err)
		}
		l.number = number
		select {
		case lines <- l:
		case <-ctx.Done():
			return
		}
		if l.err != nil {
			return
		}
	}
	if err := scanner.Err(); err != nil {
		select {
		case lines <- line{err: fmt.Errorf("line %d: %w", number, err)}:
		case <-ctx.Done():
		}
	}
}

// batchBody is the body of a request for the batch.
func batchBody(batch []line) encoded {
	body := []byte(`{"events":[`)
	for i := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, batch[i].event...)
	}
	return append(body, "]}"...)
}
