package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
)

// Options configure the checks.
type Options struct {
	URL      string        // in front of /subscribe, without a slash at its end
	Client   *http.Client  // must not follow redirects
	Header   http.Header   // credentials, sent with every request
	Channel  string        // to subscribe to
	Publish  bool          // also publish one event to it
	Origin   string        // check that its pages may subscribe; "" checks nothing
	Wait     time.Duration // how long to watch a silent stream
	Patience time.Duration // events that take longer count as held back; 0 means 5 s
	Found    func(Check)   // receives each check as it completes; may be nil
}

// probe is a run of the checks.
type probe struct {
	Options
	report Report
}

// Run makes the checks and returns their results. It ends early if nothing more can be learned, or with ctx.
func Run(ctx context.Context, o Options) *Report {
	o.Patience = cmp.Or(o.Patience, 5*time.Second)
	p := &probe{Options: o, report: Report{URL: o.URL, Proxies: []string{}}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.run(ctx)
	return &p.report
}

// add reports a check. kind names the fixes, "" for none.
func (p *probe) add(name string, status Status, kind, text string, args ...any) {
	c := Check{Name: name, Status: status, Text: fmt.Sprintf(text, args...)}
	if kind != "" && status != OK {
		c.Fixes = fixesFor(kind, p.report.Proxies)
	}
	p.record(c)
}

// record reports a check.
func (p *probe) record(c Check) {
	p.report.Checks = append(p.report.Checks, c)
	if p.Found != nil {
		p.Found(c)
	}
}

// run makes the checks in order: later ones depend on earlier results.
func (p *probe) run(ctx context.Context) {
	if !p.reach(ctx) {
		return
	}
	quiet := p.openFirst(ctx) // nothing but heartbeats is sent on it
	if quiet == nil {
		return
	}
	defer quiet.close()
	who, ok := p.readStart(ctx, quiet)
	if !ok {
		return
	}
	p.version(quiet.answer)
	p.encoding(ctx)
	p.live(ctx)
	p.resume(ctx, who)
	p.cors(ctx)
	p.silence(ctx, quiet)
}

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

// version looks at the version of HTTP, which decides how many streams a browser can have.
func (p *probe) version(answer *http.Response) {
	u, _ := url.Parse(p.URL) // it was asked
	host := net.ParseIP(u.Hostname())
	switch {
	case answer.ProtoMajor >= 2:
		p.add("http", OK, "", "%s: the streams of a browser share one connection.", answer.Proto)
	case answer.TLS != nil:
		p.add("http", Warn, old, "%s over TLS, though HTTP/2 was offered: a browser opens at most six streams to a host, over all tabs.", answer.Proto)
	case u.Hostname() == "localhost" || host != nil && host.IsLoopback():
		p.add("http", OK, "", "%s in clear, to this machine. A browser opens at most six streams here; with TLS there is HTTP/2.", answer.Proto)
	default:
		p.add("http", Warn, clear, "%s in clear: whoever is in between reads along, and without TLS there is no HTTP/2, so that a browser opens at most six streams to a host.", answer.Proto)
	}
}

// encoding asks for a stream as a browser does, which takes compressed ones.
func (p *probe) encoding(ctx context.Context) {
	s, err := p.open(ctx, nil, http.Header{"Accept-Encoding": {"gzip, deflate, br, zstd"}})
	if err != nil {
		p.add("compression", Fail, held, "A stream that may be compressed, as for browsers, brought nothing: %v.", plain(err))
		return
	}
	defer s.close()
	if kind := s.answer.Header.Get("Content-Encoding"); kind != "" {
		p.add("compression", Fail, compressed, "Browsers get streams compressed (%s): what compresses gathers events, and holds them back.", kind)
		return
	}
	if _, err := s.registered(ctx, p.Patience); err != nil {
		p.add("compression", Fail, held, "A stream that may be compressed, as for browsers, brought no first event: %v.", plain(err))
		return
	}
	p.add("compression", OK, "", "Streams come uncompressed, also where the request allows compression.")
}

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

// cors checks that pages of the origin may subscribe.
func (p *probe) cors(ctx context.Context) {
	if p.Origin == "" {
		return
	}
	s, err := p.open(ctx, nil, http.Header{"Origin": {p.Origin}})
	var text string
	switch {
	case err != nil:
		text = fmt.Sprintf("A stream for a page of %s could not be opened: %v.", p.Origin, plain(err))
	case !allows(s.answer.Header, p.Origin):
		text = fmt.Sprintf("A page of %s may not read streams: Access-Control-Allow-Origin is %q.", p.Origin, s.answer.Header.Values("Access-Control-Allow-Origin"))
	}
	if err == nil {
		s.close()
	}
	if text == "" {
		answer, cancel, err := p.get(ctx, http.MethodOptions, "/subscribe", nil, http.Header{
			"Origin": {p.Origin}, "Access-Control-Request-Method": {http.MethodGet}, "Access-Control-Request-Headers": {"authorization,last-event-id"},
		})
		if err != nil {
			text = fmt.Sprintf("A preflight request was not answered: %v.", plain(err))
		} else if answer.Body.Close(); answer.StatusCode/100 != 2 || !allows(answer.Header, p.Origin) {
			text = fmt.Sprintf("A preflight request is answered with %s and Access-Control-Allow-Origin %q.", answer.Status, answer.Header.Values("Access-Control-Allow-Origin"))
		}
		cancel()
	}
	if text == "" {
		p.add("cors", OK, "", "Pages of %s may subscribe.", p.Origin)
		return
	}
	p.record(Check{"cors", Fail, text, []Fix{
		{rollcall, "serve --cors-origin " + p.Origin},
		{nginx, "no \"add_header Access-Control-Allow-Origin\", and no \"proxy_hide_header\" of it: Rollcall sends it"},
	}})
}

// allows reports whether pages of the origin may read an answer; exactly one header must say so.
func allows(h http.Header, origin string) bool {
	values := h.Values("Access-Control-Allow-Origin")
	return len(values) == 1 && (values[0] == origin || values[0] == "*")
}

// plain is an error without the URL, which the report names, and whose query is long.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// distinct drops repeated entries.
func distinct(list []string) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// round is a duration as people read it.
func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
