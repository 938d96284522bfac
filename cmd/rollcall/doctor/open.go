package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// reach checks that the server answers and is ready.
func (p *probe) reach(ctx context.Context) bool {
	began := time.Now()
	answer, cancel, err := p.get(ctx, http.MethodGet, "/readyz", nil, nil)
	defer cancel()
	if err != nil {
		p.add("reach", Fail, "", "No answer from %s: %v.", p.URL, plain(err))
		return false
	}
	defer answer.Body.Close()
	p.report.Proxies = append(p.report.Proxies, proxiesIn(answer.Header)...)
	var body struct{ Status string }
	_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&body) // "" then
	switch {
	case answer.StatusCode == http.StatusOK && body.Status == "ready":
		p.add("reach", OK, "", "The server is ready; it answered within %v.", round(time.Since(began)))
	case answer.StatusCode/100 == 3:
		p.add("reach", Fail, redirected, "The answer is a redirect to %s. Use that URL; an EventSource of another origin does not follow it.", answer.Header.Get("Location"))
		return false
	case answer.StatusCode == http.StatusServiceUnavailable && body.Status != "":
		p.add("reach", Warn, "", "The server says that it is %s, not ready.", body.Status)
	default:
		p.add("reach", Warn, "", "/readyz was answered with %s, not by Rollcall. That is fine if the proxy passes on only /subscribe; otherwise the URL may be wrong.", answer.Status)
	}
	return true
}

// openFirst opens a stream and looks at its head.
func (p *probe) openFirst(ctx context.Context) *stream {
	s, err := p.open(ctx, nil, nil)
	switch {
	case errors.Is(err, errNothing):
		p.add("buffering", Fail, held, "The head of a stream did not arrive within %v: something holds the bytes back until it has more of them.", p.Patience)
		return nil
	case err != nil:
		p.add("stream", Fail, "", "A stream could not be opened: %v.", plain(err))
		return nil
	}
	p.report.Proxies = distinct(append(p.report.Proxies, proxiesIn(s.answer.Header)...))
	if len(p.report.Proxies) > 0 {
		p.add("proxy", OK, "", "Proxies: %s.", strings.Join(p.report.Proxies, ", "))
	} else {
		p.add("proxy", OK, "", "No proxy was detected.")
	}
	switch status := s.answer.StatusCode; {
	case status/100 == 3:
		p.add("stream", Fail, redirected, "/subscribe is answered with a redirect to %s. An EventSource of another origin does not follow it.", s.answer.Header.Get("Location"))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		p.add("stream", Fail, "", "/subscribe is answered with %s: give --key or --token, and with --channel a channel that it may read.", s.answer.Status)
	case status != http.StatusOK:
		p.add("stream", Fail, "", "/subscribe is answered with %s.", s.answer.Status)
	case s.answer.Header.Get("Content-Encoding") != "":
		p.add("compression", Fail, compressed, "A stream comes compressed (%s), though the request did not allow it.", s.answer.Header.Get("Content-Encoding"))
	case !isStream(s.answer):
		p.add("stream", Fail, "", "The Content-Type of /subscribe is %q, not text/event-stream: an EventSource refuses it.", s.answer.Header.Get("Content-Type"))
	default:
		return s
	}
	s.close()
	return nil
}

// position is a stream's position and client.
type position struct{ id, clientID string }

// readStart expects the first event of a stream, which is sent with the head.
func (p *probe) readStart(ctx context.Context, s *stream) (position, bool) {
	began := time.Now()
	who, err := s.registered(ctx, p.Patience)
	switch {
	case errors.Is(err, errNothing):
		p.add("buffering", Fail, held, "The head of a stream arrived, but not its first event within %v: something holds the bytes back until it has more of them.", p.Patience)
	case err != nil && p.backendAway(ctx):
		p.add("stream", Fail, "", "The server can't ask the backend that decides who may read (--authorize-url): nobody without a key or token is let in. Its log says why.")
	case err != nil:
		p.add("stream", Fail, "", "A stream was opened, but %v.", plain(err))
	default:
		p.add("stream", OK, "", "A stream was opened; its first event came %v after the head.", round(time.Since(began)))
		return position{who.ID, who.ClientID}, true
	}
	return position{}, false
}

// backendAway reports whether the server says that it can't ask its backend. Streams receive this as a goodbye without
// a code.
func (p *probe) backendAway(ctx context.Context) bool {
	answer, cancel, err := p.get(ctx, http.MethodGet, "/history", url.Values{"channel": {p.Channel}}, nil)
	defer cancel()
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var body struct{ Error struct{ Code string } }
	_ = json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&body) // "" then
	return body.Error.Code == "authorize_unavailable"
}
