package doctor

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
)

// live checks that a later event arrives at once, by presence: another stream causes one. With Publish, it publishes
// one too.
func (p *probe) live(ctx context.Context) {
	s, err := p.open(ctx, url.Values{"presence": {"channels"}}, nil)
	if err != nil {
		p.add("buffering", Fail, held, "A further stream could not be opened: %v.", plain(err))
		return
	}
	defer s.close()
	if !isStream(s.answer) { // the credentials may not allow presence
		p.byItself(ctx)
		return
	}
	me, err := s.registered(ctx, p.Patience)
	if err != nil {
		p.add("buffering", Fail, held, "A further stream brought no first event: %v.", plain(err))
		return
	}
	// The server sends this stream's own snapshot behind its registration; a join behind that is news.
	began := time.Now()
	other, err := p.open(ctx, nil, nil)
	if err != nil {
		p.add("buffering", Fail, held, "A further stream could not be opened: %v.", plain(err))
		return
	}
	defer other.close()
	them, err := other.registered(ctx, p.Patience)
	if err != nil || them.ClientID == me.ClientID { // a token has one client
		p.byItself(ctx)
		return
	}
	_, err = s.await(ctx, p.Patience, func(ev sse.Event) bool {
		return ev.Type == "presence" && strings.Contains(payload(ev), `"`+them.ClientID+`"`)
	})
	if err != nil {
		p.add("buffering", Fail, held, "An event that was sent on an open stream did not arrive within %v: something holds the bytes back.", p.Patience)
		return
	}
	p.add("buffering", OK, "", "An event on an open stream arrived at once, within %v.", round(time.Since(began)))
	p.publish(ctx, s)
}

// byItself is live for credentials that see no other clients: only publishing can show it, and heartbeats.
func (p *probe) byItself(ctx context.Context) {
	if !p.Publish {
		p.add("buffering", OK, "", "First events arrive at once. These credentials can't see other clients, so only the heartbeats below, or --try-publish, show whether later events do.")
		return
	}
	s, err := p.open(ctx, nil, nil)
	if err == nil {
		defer s.close()
		_, err = s.registered(ctx, p.Patience)
	}
	if err != nil {
		p.add("buffering", Fail, held, "A further stream brought no first event: %v.", plain(err))
		return
	}
	p.publish(ctx, s)
}

// publish publishes one event and expects it on s.
func (p *probe) publish(ctx context.Context, s *stream) {
	if !p.Publish {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*p.Patience)
	defer cancel()
	body, _ := json.Marshal(map[string]any{"events": []any{map[string]any{"channelName": p.Channel, "type": "rollcall-doctor", "payload": nil}}})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/publish", strings.NewReader(string(body)))
	if err != nil {
		p.add("publish", Fail, "", "%v.", err)
		return
	}
	for name, values := range p.Header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	began := time.Now()
	answer, err := p.Client.Do(request)
	if err != nil {
		p.add("publish", Fail, "", "An event could not be published: %v.", plain(err))
		return
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		p.add("publish", Fail, "", "Publishing is answered with %s: %q.", answer.Status, strings.TrimSpace(string(text)))
		return
	}
	acknowledged := time.Since(began)
	if _, err := s.await(ctx, p.Patience, func(ev sse.Event) bool { return ev.Type == "rollcall-doctor" }); err != nil {
		p.add("publish", Fail, held, "An event was published, but did not arrive within %v.", p.Patience)
		return
	}
	p.add("publish", OK, "", "An event was acknowledged after %v and arrived %v after it was sent.", round(acknowledged), round(time.Since(began)))
}

// resume checks that a stream resumes from a position, sent in either way.
func (p *probe) resume(ctx context.Context, at position) {
	for _, way := range []struct {
		name, kind, text string
		query            url.Values
		header           http.Header
	}{
		{"resume", headerLost, "header Last-Event-ID", nil, http.Header{"Last-Event-Id": {at.id}}},
		{"resume-query", queryLost, "parameter lastEventId", url.Values{"lastEventId": {at.id}}, nil},
	} {
		s, err := p.open(ctx, way.query, way.header)
		if err != nil {
			p.add(way.name, Fail, held, "A resuming stream could not be opened: %v.", plain(err))
			continue
		}
		who, err := s.registered(ctx, p.Patience)
		s.close()
		switch {
		case err != nil:
			p.add(way.name, Fail, held, "A resuming stream got no first event: %v.", plain(err))
		case !who.Resumed:
			p.add(way.name, Fail, way.kind, "A stream that should resume by the %s began anew: the position was lost, or another server with its own log answered.", way.text)
		default:
			p.add(way.name, OK, "", "A stream resumes by the %s.", way.text)
		}
	}
}
