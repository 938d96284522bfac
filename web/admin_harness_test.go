package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/net/html"

	"rollcall/web"
	"rollcall/web/login"
	"rollcall/web/webtest"
)

// Passwords of the two that may log in.
const (
	alicePassword = "alice's secret" // an operator
	veraPassword  = "vera's secret"  // a viewer
)

// hashOf hashes a password as cheaply as may be.
func hashOf(password string) string {
	salt := []byte("salt of tests")
	raw := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version,
		raw.EncodeToString(salt), raw.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
}

var admins = sync.OnceValue(func() []login.Account {
	return []login.Account{
		{Name: "alice", Role: login.Operator, Hash: hashOf(alicePassword)},
		{Name: "vera", Role: login.Viewer, Hash: hashOf(veraPassword)},
	}
})

// withAdmins returns options with which alice and vera may log in.
func withAdmins(opts web.Options) web.Options {
	opts.Admins = admins()
	return opts
}

// startAdmin runs a server with an admin UI.
func startAdmin(t testing.TB) *webtest.Server {
	t.Helper()
	return webtest.Start(t, withAdmins(web.Options{Node: "node-7"}))
}

// visitor is a browser: it keeps cookies and follows no redirect by itself.
type visitor struct {
	testing.TB
	base   string
	client *http.Client
}

// newVisitor returns a visitor without a login.
func newVisitor(t testing.TB, base string, transport *http.Transport) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, base, &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// stranger returns a visitor of the server without a login.
func stranger(t testing.TB, srv *webtest.Server) *visitor {
	t.Helper()
	return newVisitor(t, srv.URL, &http.Transport{DisableCompression: true})
}

// operator and viewer return logged-in visitors.
func operator(t testing.TB, srv *webtest.Server) *visitor {
	t.Helper()
	return stranger(t, srv).isAlice()
}
func viewer(t testing.TB, srv *webtest.Server) *visitor {
	t.Helper()
	v := stranger(t, srv)
	v.login("vera", veraPassword, "").wantLocation("/admin")
	return v
}

func (v *visitor) isAlice() *visitor {
	v.Helper()
	v.login("alice", alicePassword, "").wantLocation("/admin")
	return v
}

// reply is a whole answer.
type reply struct {
	testing.TB
	status int
	header http.Header
	text   string
	what   string     // the request
	parsed *html.Node // what doc returns
}

func (v *visitor) request(method, target, body string, header []string) *http.Response {
	v.Helper()
	ctx, cancel := context.WithCancel(v.Context())
	v.Cleanup(cancel)
	late := time.AfterFunc(patience, cancel)
	req, err := http.NewRequestWithContext(ctx, method, v.base+target, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		v.Fatalf("%s %.300s: %v", method, target, err)
	}
	resp.Body = &patientBody{resp.Body, late}
	return resp
}

// patientBody is a body of which each part may take a test's patience.
type patientBody struct {
	io.ReadCloser
	late *time.Timer
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.late.Reset(patience)
	return b.ReadCloser.Read(p)
}

func (b *patientBody) Close() error {
	b.late.Stop()
	return b.ReadCloser.Close()
}

func (v *visitor) do(method, target, body string, header ...string) *reply {
	v.Helper()
	resp := v.request(method, target, body, header)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatalf("%s %.300s: %v", method, target, err)
	}
	if to := resp.Header.Get("Location"); strings.HasPrefix(to, ".") {
		resp.Header.Set("Location", html.UnescapeString(v.resolved(resp, to)))
	}
	return &reply{v.TB, resp.StatusCode, resp.Header, v.fromRoot(resp, string(text)), fmt.Sprintf("%s %.300s %.100q", method, target, header), nil}
}

// fromRoot resolves the links of a page. They are relative, so that pages work below a prefix.
func (v *visitor) fromRoot(resp *http.Response, page string) string {
	v.Helper()
	var b strings.Builder
	for {
		before, after, found := strings.Cut(page, `=".`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexByte(after, '"')
		if end < 0 {
			end = len(after)
		}
		link := "." + after[:end]
		attribute := before[strings.LastIndexByte(before, ' ')+1:]
		if slices.Contains([]string{"href", "src", "action", "formaction"}, attribute) {
			link = v.resolved(resp, link)
		}
		b.WriteString(`="` + link)
		page = after[end:]
	}
}

// resolved returns the target of a link, from the root.
func (v *visitor) resolved(resp *http.Response, link string) string {
	v.Helper()
	to, err := resp.Request.URL.Parse(html.UnescapeString(link))
	if err != nil {
		v.Fatal(err)
	}
	return html.EscapeString(strings.TrimPrefix(to.String(), v.base))
}

// get asks for a page, which must be there.
func (v *visitor) get(target string) *reply {
	v.Helper()
	return v.do("GET", target, "").want(200)
}

// form is the body of a form: names and values in turn.
func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

// post sends a form.
func (v *visitor) post(target string, pairs ...string) *reply {
	v.Helper()
	return v.do("POST", target, form(pairs...))
}

// act sends a form, follows the redirect and returns the page, which must show this message.
func (v *visitor) act(tone, flash, target string, pairs ...string) *reply {
	v.Helper()
	r := v.post(target, pairs...).want(303)
	page := v.do("GET", r.header.Get("Location"), "")
	told := page.one("flash")
	if got := textOf(told); got != flash || attr(told, "data-tone") != tone {
		v.Fatalf("%s: told %q (%s), want %q (%s)", r.what, got, attr(told, "data-tone"), flash, tone)
	}
	return page
}

// login sends the form of the login page.
func (v *visitor) login(name, password, next string) *reply {
	v.Helper()
	return v.post("/admin/login", "username", name, "password", password, "next", next)
}

// cookies are what the visitor's browser would send.
func (v *visitor) cookies() []*http.Cookie {
	u, _ := url.Parse(v.base + "/admin")
	return v.client.Jar.Cookies(u)
}

// plant puts a cookie into the visitor's browser.
func (v *visitor) plant(name, value string) {
	u, _ := url.Parse(v.base + "/admin")
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/admin"}})
}

func (r *reply) want(status int) *reply {
	r.Helper()
	if r.status != status {
		r.Fatalf("%s: status %d, want %d; %.600s", r.what, r.status, status, r.text)
	}
	return r
}

func (r *reply) wantLocation(to string) *reply {
	r.Helper()
	if got := r.want(303).header.Get("Location"); got != to {
		r.Fatalf("%s: leads to %q, want %q", r.what, got, to)
	}
	return r
}

// wantCode wants an error as JSON.
func (r *reply) wantCode(status int, code string) {
	r.Helper()
	var got struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(r.want(status).text), &got); err != nil || got.Error.Code != code || len(got.Error.Message) < 10 {
		r.Fatalf("%s: %s, want the code %s", r.what, r.text, code)
	}
}

// wantLogin wants the visitor to be redirected to the login page or shown it.
func (r *reply) wantLogin() {
	r.Helper()
	if r.status == 401 && r.one("login-submit") != nil {
		return
	}
	if to := r.want(303).header.Get("Location"); !strings.HasPrefix(to, "/admin/login?next=") {
		r.Fatalf("%s: leads to %q, want the login", r.what, to)
	}
}

// doc parses the page, once.
func (r *reply) doc() *html.Node {
	r.Helper()
	if r.parsed == nil {
		doc, err := html.Parse(strings.NewReader(r.text))
		if err != nil {
			r.Fatal(err)
		}
		r.parsed = doc
	}
	return r.parsed
}

// one returns the page's element with this data-testid or id, or nil.
func (r *reply) one(name string) *html.Node { r.Helper(); return element(r.doc(), name) }

// says returns the text of the element, which must be there.
func (r *reply) says(name string) string {
	r.Helper()
	n := r.one(name)
	if n == nil {
		r.Fatalf("%s: there is no %q in %.2000s", r.what, name, r.text)
	}
	return textOf(n)
}

// wantText wants an element to say this.
func (r *reply) wantText(name, part string) *reply {
	r.Helper()
	if got := r.says(name); !strings.Contains(got, part) {
		r.Fatalf("%s: %s says %q, want %q in it", r.what, name, got, part)
	}
	return r
}

func element(doc *html.Node, name string) *html.Node {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (attr(n, "data-testid") == name || attr(n, "id") == name) {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}

// textOf returns an element's text, white space taken together.
func textOf(n *html.Node) string {
	var b strings.Builder
	if n != nil {
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				b.WriteString(d.Data + " ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
