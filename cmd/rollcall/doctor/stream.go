package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"
)

// stream is one open event stream. A goroutine reads it and records the times of arrival.
type stream struct {
	answer *http.Response
	events chan sse.Event // closed at the end
	close  func()         // ends it and waits for the goroutine

	mu     sync.Mutex
	opened time.Time // when the head came
	last   time.Time // when bytes came last
	beats  []beat
	ended  time.Time // zero while it is open
	err    error     // how it ended
}

// beat is a read that brought comment lines.
type beat struct {
	at    time.Time
	lines int
}

// errNothing is a stream that brings nothing in time.
var errNothing = errors.New("nothing came")

// get makes a request and waits at most patience for the head of the answer. cancel ends it.
func (p *probe) get(ctx context.Context, method, path string, query url.Values, header http.Header) (answer *http.Response, cancel func(), err error) {
	ctx, stop := context.WithCancelCause(ctx)
	cancel = func() { stop(context.Canceled) }
	late := time.AfterFunc(p.Patience, func() { stop(errNothing) })
	defer late.Stop()
	address := p.URL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, cancel, err
	}
	for _, set := range []http.Header{{"Accept-Encoding": {"identity"}}, p.Header, header} {
		for name, values := range set {
			request.Header[name] = values
		}
	}
	if answer, err = p.Client.Do(request); err != nil && errors.Is(context.Cause(ctx), errNothing) {
		err = errNothing
	}
	return answer, cancel, err
}

// open opens a stream on the channel. The answer may be no stream: then its status and head are all that is good.
func (p *probe) open(ctx context.Context, query url.Values, header http.Header) (*stream, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("channel", p.Channel)
	answer, cancel, err := p.get(ctx, http.MethodGet, "/subscribe", query, header)
	if err != nil {
		cancel()
		return nil, err
	}
	now := time.Now()
	s := &stream{answer: answer, events: make(chan sse.Event, 1000), opened: now, last: now}
	done := make(chan struct{})
	s.close = func() { cancel(); <-done }
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "" {
		close(s.events)
		close(done)
		answer.Body.Close()
		return s, nil
	}
	go func() {
		defer close(done)
		defer answer.Body.Close()
		s.read()
	}()
	return s, nil
}

// read reads the stream to its end.
func (s *stream) read() {
	defer close(s.events)
	sse.Read(s, &sse.ReadConfig{MaxEventSize: 16 << 20})(func(ev sse.Event, err error) bool {
		if err != nil {
			s.mu.Lock()
			s.ended, s.err = time.Now(), err
			s.mu.Unlock()
			return false
		}
		select {
		case s.events <- ev:
		default: // a busy channel, whose events are not awaited
		}
		return true
	})
}

// Read reads the answer's body for the parser, and records the arrival. The end of the body is an error, because
// streams do not end.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.answer.Body.Read(b)
	if n > 0 {
		s.mu.Lock()
		s.last = time.Now()
		lines := bytes.Count(b[:n], []byte("\n:"))
		if b[0] == ':' {
			lines++
		}
		if lines > 0 {
			s.beats = append(s.beats, beat{s.last, lines})
		}
		s.mu.Unlock()
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// await waits up to patience for an event of this type. Others are ignored, except a goodbye.
func (s *stream) await(ctx context.Context, patience time.Duration, match func(sse.Event) bool) (sse.Event, error) {
	late := time.After(patience)
	for {
		select {
		case ev, ok := <-s.events:
			switch {
			case !ok:
				return ev, fmt.Errorf("the stream ended: %w", s.end())
			case match(ev):
				return ev, nil
			case ev.Type == "goodbye":
				return ev, fmt.Errorf("the server said goodbye: %s", payload(ev))
			}
		case <-late:
			return sse.Event{}, errNothing
		case <-ctx.Done():
			return sse.Event{}, context.Cause(ctx)
		}
	}
}

// end is how the stream ended.
func (s *stream) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// registered waits for the first event and reads it.
func (s *stream) registered(ctx context.Context, patience time.Duration) (who struct {
	ClientID string
	Resumed  bool
	ID       string
}, err error) {
	ev, err := s.await(ctx, patience, func(ev sse.Event) bool { return ev.Type == "registered" })
	if err == nil {
		err = json.Unmarshal([]byte(payload(ev)), &who)
		who.ID = ev.LastEventID
	}
	return who, err
}

// payload is the inner JSON of one of the server's own events.
func payload(ev sse.Event) string {
	var data struct{ Payload string }
	_ = json.Unmarshal([]byte(ev.Data), &data) // then it is ""
	return data.Payload
}

// isStream reports whether the answer is an event stream.
func isStream(answer *http.Response) bool {
	return answer.StatusCode == http.StatusOK && strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream")
}
