package doctor

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/webtest"
)

// impatience is the wait of a test whose check finds that nothing comes.
const impatience = 4 * time.Second

// examine runs the checks and returns them by name. What is not to fail is waited for, for long.
func examine(t *testing.T, url string, edit func(*Options)) map[string]Check {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	var found []Check
	o := Options{
		URL: url, Channel: "probe", Patience: webtest.Patience, Found: func(c Check) { found = append(found, c) },
		Client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if edit != nil {
		edit(&o)
	}
	report := Run(t.Context(), o)
	byName := map[string]Check{}
	for _, c := range report.Checks {
		if _, twice := byName[c.Name]; twice || c.Text == "" || c.Status == OK && c.Fixes != nil {
			t.Errorf("twice, without a text, or with fixes for nothing: %+v", c)
		}
		byName[c.Name] = c
	}
	if len(found) != len(report.Checks) || report.URL != url {
		t.Errorf("told of %d checks while they ran, of %d at the end", len(found), len(report.Checks))
	}
	return byName
}

// want fails the test unless the check has this status and says this.
func want(t *testing.T, checks map[string]Check, name string, status Status, says string) Check {
	t.Helper()
	c, ok := checks[name]
	if !ok || c.Status != status || !strings.Contains(c.Text, says) {
		t.Errorf("check %s: %+v, want %s and %q; all: %+v", name, c, status, says, checks)
	}
	return c
}

// wantFix wants these lines for this program, in the first place.
func wantFix(t *testing.T, c Check, name, lines string) {
	t.Helper()
	if len(c.Fixes) == 0 || c.Fixes[0].For != name || !strings.Contains(c.Fixes[0].Lines, lines) {
		t.Errorf("%s: fixes %+v, want %q for %s first", c.Name, c.Fixes, lines, name)
	}
}

// behind starts a proxy in front of a server. head may change a request, body sends the answer's body on.
func behind(t *testing.T, srv *webtest.Server, head func(*http.Request), body func(w http.ResponseWriter, in *http.Request, from *http.Response)) *httptest.Server {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		out := in.Clone(in.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host, out.Host = "", "http", srv.Addr, ""
		if head != nil {
			head(out)
		}
		from, err := transport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer from.Body.Close()
		for name, values := range from.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Server", "nginx/1.26.0")
		if body == nil || !strings.HasPrefix(from.Header.Get("Content-Type"), "text/event-stream") {
			w.WriteHeader(from.StatusCode)
			pass(w, from.Body)
			return
		}
		body(w, in, from)
	}))
	t.Cleanup(proxy.Close)
	return proxy
}

// pass sends on what comes as soon as it comes, until either side ends.
func pass(w http.ResponseWriter, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, failed := w.Write(buf[:n]); err != nil || failed != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

func TestPlainServerIsWell(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example.org"
	srv := webtest.Start(t, web.Options{Heartbeat: time.Second, CORSOrigins: []string{origin}})
	checks := examine(t, srv.URL, func(o *Options) { o.Wait, o.Publish, o.Origin = 4*time.Second, true, origin })
	for _, name := range []string{"reach", "proxy", "stream", "http", "compression", "buffering", "publish", "resume", "resume-query", "cors", "silence"} {
		want(t, checks, name, OK, "")
	}
	want(t, checks, "silence", OK, "one by one")
	want(t, checks, "buffering", OK, "arrived at once")
	if len(checks) != 11 {
		t.Errorf("%d checks: %+v", len(checks), checks)
	}
}

func TestPublishesNothingUntold(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	checks := examine(t, srv.URL, nil)
	if _, ok := checks["publish"]; ok {
		t.Error("published")
	}
	if got := srv.Get("/history?channel=probe"); !strings.Contains(got.Body, `"events":[]`) {
		t.Errorf("published: %s", got.Body)
	}
}

func TestBufferingProxy(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	proxy := behind(t, srv, nil, func(w http.ResponseWriter, _ *http.Request, from *http.Response) {
		w.WriteHeader(from.StatusCode)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(struct{ io.Writer }{bufio.NewWriterSize(w, 1<<16)}, from.Body)
	})
	checks := examine(t, proxy.URL, func(o *Options) { o.Patience = impatience })
	wantFix(t, want(t, checks, "buffering", Fail, "not its first event"), "nginx", "proxy_buffering off;")
	want(t, checks, "proxy", OK, "nginx")
}

func TestProxyThatHoldsTheHead(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	proxy := behind(t, srv, nil, func(_ http.ResponseWriter, in *http.Request, _ *http.Response) { <-in.Context().Done() })
	checks := examine(t, proxy.URL, func(o *Options) { o.Patience = impatience })
	wantFix(t, want(t, checks, "buffering", Fail, "head of a stream did not arrive"), "nginx", "proxy_buffering off;")
}

// What comes at the beginning passes, what comes later is gathered.
func TestProxyThatBuffersLaterEvents(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	proxy := behind(t, srv, nil, func(w http.ResponseWriter, in *http.Request, from *http.Response) {
		w.WriteHeader(from.StatusCode)
		buf := make([]byte, 4096)
		n, _ := from.Body.Read(buf)
		_, _ = w.Write(buf[:n])
		_ = http.NewResponseController(w).Flush()
		<-in.Context().Done()
	})
	checks := examine(t, proxy.URL, func(o *Options) { o.Patience = impatience })
	want(t, checks, "stream", OK, "")
	wantFix(t, want(t, checks, "buffering", Fail, "did not arrive"), "nginx", "proxy_buffering off;")
}

func TestCompressingProxy(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	proxy := behind(t, srv, nil, func(w http.ResponseWriter, in *http.Request, from *http.Response) {
		if !strings.Contains(in.Header.Get("Accept-Encoding"), "gzip") {
			w.WriteHeader(from.StatusCode)
			pass(w, from.Body)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(from.StatusCode)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(gzip.NewWriter(w), from.Body)
	})
	checks := examine(t, proxy.URL, nil)
	wantFix(t, want(t, checks, "compression", Fail, "(gzip)"), "nginx", "gzip off;")
	want(t, checks, "buffering", OK, "")
}

func TestProxyThatCutsSilentStreams(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	proxy := behind(t, srv, nil, func(w http.ResponseWriter, _ *http.Request, from *http.Response) {
		w.WriteHeader(from.StatusCode)
		cut := time.AfterFunc(time.Second, func() { from.Body.Close() })
		defer cut.Stop()
		pass(w, readerFunc(func(b []byte) (int, error) {
			n, err := from.Body.Read(b)
			cut.Reset(time.Second)
			return n, err
		}))
		panic(http.ErrAbortHandler)
	})
	checks := examine(t, proxy.URL, func(o *Options) { o.Wait = webtest.Patience })
	c := want(t, checks, "silence", Fail, "before a heartbeat came")
	wantFix(t, c, "nginx", "proxy_read_timeout")
	if !slices.ContainsFunc(c.Fixes, func(f Fix) bool { return f.For == rollcall && strings.Contains(f.Lines, "--heartbeat") }) {
		t.Errorf("fixes %+v", c.Fixes)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	target, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, h2 := range []bool{false, true} {
		proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
		proxy.EnableHTTP2 = h2
		proxy.StartTLS()
		checks := examine(t, proxy.URL, nil)
		proxy.Close()
		if h2 {
			want(t, checks, "http", OK, "HTTP/2")
			want(t, checks, "buffering", OK, "")
			continue
		}
		c := want(t, checks, "http", Warn, "six streams")
		wantFix(t, c, "nginx", "http2 on;")
	}
}

func TestProxyThatLosesPositions(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{})
	checks := examine(t, behind(t, srv, func(r *http.Request) { r.Header.Del("Last-Event-ID") }, nil).URL, nil)
	wantFix(t, want(t, checks, "resume", Fail, "Last-Event-ID"), "nginx", "Last-Event-ID")
	want(t, checks, "resume-query", OK, "")

	checks = examine(t, behind(t, srv, func(r *http.Request) {
		q := r.URL.Query()
		q.Del("lastEventId")
		r.URL.RawQuery = q.Encode()
	}, nil).URL, nil)
	want(t, checks, "resume", OK, "")
	wantFix(t, want(t, checks, "resume-query", Fail, "lastEventId"), "nginx", "$request_uri")
}

func TestForeignOrigin(t *testing.T) {
	t.Parallel()
	srv := webtest.Start(t, web.Options{CORSOrigins: []string{"https://app.example.org"}})
	checks := examine(t, srv.URL, func(o *Options) { o.Origin = "https://other.example.org" })
	wantFix(t, want(t, checks, "cors", Fail, "other.example.org"), rollcall, "--cors-origin https://other.example.org")
}

func TestWhatIsNoServer(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	moved := httptest.NewServer(http.RedirectHandler("https://events.example.org/", http.StatusMovedPermanently))
	defer other.Close()
	defer moved.Close()
	checks := examine(t, other.URL, nil)
	want(t, checks, "reach", Warn, "404")
	want(t, checks, "stream", Fail, "404")
	wantFix(t, want(t, examine(t, moved.URL, nil), "reach", Fail, "https://events.example.org/"), "nginx", "location /subscribe")
	if gone := examine(t, "http://127.0.0.1:1", nil); len(gone) != 1 {
		t.Errorf("%+v", gone)
	} else {
		want(t, gone, "reach", Fail, "refused")
	}
}

func TestDrainingServer(t *testing.T) {
	t.Parallel()
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":"draining"}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "retry: 3000\nid: new-0\nevent: goodbye\ndata: {\"type\":\"goodbye\",\"payload\":\"{\\\"code\\\":\\\"draining\\\"}\"}\n\n")
	}))
	defer fake.Close()
	checks := examine(t, fake.URL, nil)
	want(t, checks, "reach", Warn, "draining")
	want(t, checks, "stream", Fail, "goodbye")
}

func TestServerThatCantAskItsBackend(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(nil)
	down.Close()
	backend, err := auth.NewBackend(auth.BackendOptions{URL: down.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Close)
	srv := webtest.Start(t, web.Options{Access: &auth.Options{Backend: backend}})
	want(t, examine(t, srv.URL, nil), "stream", Fail, "--authorize-url")
}
