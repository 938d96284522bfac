package login

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

var ann, bob = account("ann", Operator), account("bob", Viewer)

func newSessions(t *testing.T, accounts *Accounts, opts SessionOptions) *Sessions {
	t.Helper()
	s, err := NewSessions(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// browser keeps cookies.
type browser struct {
	t      *testing.T
	s      *Sessions
	cookie string // "" is none
	last   *http.Cookie
}

func (b *browser) request() *http.Request {
	r := httptest.NewRequest("GET", "http://example.org/admin/", nil)
	r.Header.Set("User-Agent", "Lynx/2.9")
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: b.cookie})
	}
	return r
}

// keep takes the cookie of an answer.
func (b *browser) keep(w *httptest.ResponseRecorder) {
	b.t.Helper()
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != cookieName {
		b.t.Fatalf("the cookies are %v", cookies)
	}
	b.last = cookies[0]
	b.cookie = b.last.Value
}

func (b *browser) login(account Account) *Session {
	b.t.Helper()
	w := httptest.NewRecorder()
	session, err := b.s.Start(w, b.request(), account, "192.0.2.1")
	if err != nil {
		b.t.Fatal(err)
	}
	b.keep(w)
	return session
}

func (b *browser) logout() {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.s.End(w, b.request())
	b.keep(w)
}

// sees fails unless a request has the session, or the error.
func (b *browser) sees(want *Session, wantErr error) {
	b.t.Helper()
	if got, err := b.s.Get(b.request()); got != want || err != wantErr {
		b.t.Errorf("a request has the session %v, %v; want %v, %v", got, err, want, wantErr)
	}
}

func ended(s *Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}
