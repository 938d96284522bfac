package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	gosse "github.com/tmaxmax/go-sse"
)

// follower reads an event stream and comes back to it wherever it ends, at its exact position. It belongs to one
// goroutine.
type follower struct {
	remote  *RemoteFlags
	path    string
	query   url.Values
	lastID  string        // its position; "" for a fresh start
	retry   time.Duration // when to come back; the server may name another time
	silence time.Duration // a stream that is silent for this long is dead
	note    io.Writer     // receives messages about dropped connections
}

const (
	maxSilence  = time.Minute      // twice the usual heartbeat and more
	maxBackOff  = 30 * time.Second // between attempts, unless the server asks for more
	maxSSEEvent = 64 << 20         // bytes of one event
)

// newFollower returns a follower of the stream at path.
func newFollower(remote *RemoteFlags, path string, query url.Values, lastID string, note io.Writer) *follower {
	return &follower{remote: remote, path: path, query: query, lastID: lastID, retry: 3 * time.Second, silence: maxSilence, note: note}
}

// errDone ends a follower without an error.
var errDone = errors.New("done")

// run passes each event to handle, once, until handle returns an error or ctx ends; errDone and the end of ctx are not
// errors. It also returns if a retry makes no sense: after a refusal, a final goodbye, or if the server was never
// reachable.
func (f *follower) run(ctx context.Context, handle func(gosse.Event) error) error {
	reached := false
	for failures := 0; ; failures++ {
		end := f.connect(ctx, handle)
		if end.opened {
			reached, failures = true, 0
		}
		switch {
		case errors.Is(end.err, errDone) || ctx.Err() != nil:
			return nil
		case end.final || errors.Is(end.err, errUnreachable) && !reached:
			return end.err
		}
		wait := max(end.after, min(f.retry<<min(failures, 5), max(f.retry, maxBackOff)))
		wait += rand.N(wait/4 + 1)
		fmt.Fprintf(f.note, "rollcall: %v; reconnecting in %v\n", end.err, wait.Round(100*time.Millisecond))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// ending is how one connection ended.
type ending struct {
	err    error
	opened bool          // it gave an event before
	final  bool          // there is no coming back
	after  time.Duration // when to retry, if a refusal says so
}

// connect opens the stream at the follower's position, and reads it to its end.
func (f *follower) connect(ctx context.Context, handle func(gosse.Event) error) (end ending) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(time.Duration(f.remote.Timeout), func() {
		cancel(fmt.Errorf("no answer within %v", f.remote.Timeout))
	})
	answer, err := f.remote.send(ctx, http.MethodGet, f.path, f.query, nil, f.lastID)
	late.Stop()
	var no *refusedError
	if errors.As(err, &no) {
		return ending{err: err, final: !no.busy(), after: no.After}
	} else if err != nil {
		return ending{err: err}
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return ending{err: errors.New("the server told this client to stay away: it was kicked or is blocked"), final: true}
	}
	silent := time.AfterFunc(f.silence, func() { cancel(fmt.Errorf("nothing arrived for %v", f.silence)) })
	defer silent.Stop()
	body := &pulse{body: answer.Body, beat: func() { silent.Reset(f.silence) }, retry: func(d time.Duration) { f.retry = d }}
	gosse.Read(body, &gosse.ReadConfig{MaxEventSize: maxSSEEvent})(func(ev gosse.Event, err error) bool {
		if err != nil {
			end.err = fmt.Errorf("the stream ended: %w", cmp.Or(context.Cause(ctx), err))
			return false
		}
		end.opened = true
		end.final, end.err = f.handleEvent(ev, handle)
		return end.err == nil
	})
	return end
}

// handleEvent handles one event. An error ends the connection, and a final error the follower.
func (f *follower) handleEvent(ev gosse.Event, handle func(gosse.Event) error) (final bool, err error) {
	f.lastID = cmp.Or(ev.LastEventID, f.lastID)
	if ev.Data == "" && ev.Type == "" {
		return false, nil // only an id
	}
	if err := handle(ev); err != nil {
		return true, err
	}
	if ev.Type != "goodbye" {
		return false, nil
	}
	var said struct{ Payload json.RawMessage }
	var why struct {
		Code, Reason string
		Reconnect    bool
	}
	if err := errors.Join(json.Unmarshal([]byte(ev.Data), &said), json.Unmarshal(unquoted(said.Payload), &why)); err != nil {
		return false, fmt.Errorf("the server said goodbye: %.200s", printable(ev.Data))
	}
	return !why.Reconnect, fmt.Errorf("the server ended the stream: %s (%s)", printable(why.Reason), printable(why.Code))
}

// pulse reads a stream's body and records what the parser does not report: the arrival of bytes, and retry lines. The
// end of the body is an error, because streams do not end: a truncated event is therefore dropped.
type pulse struct {
	body  io.Reader
	beat  func()
	retry func(time.Duration)
	line  []byte // the beginning of the current line
}

// Read is part of io.Reader.
func (p *pulse) Read(b []byte) (int, error) {
	n, err := p.body.Read(b)
	if n > 0 {
		p.beat()
	}
	for rest := b[:n]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		part := rest[:max(end, 0)]
		if end < 0 {
			part = rest
		}
		p.line = append(p.line, part[:min(len(part), 40-len(p.line))]...)
		if end < 0 {
			break
		}
		if text, ok := bytes.CutPrefix(p.line, []byte("retry:")); ok {
			if ms, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32); err == nil {
				p.retry(time.Duration(ms) * time.Millisecond)
			}
		}
		p.line, rest = p.line[:0], rest[end+1:]
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
