package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

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
