package web_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"rollcall/web"
	"rollcall/web/webtest"
)

// Behind a trusted proxy that speaks TLS, the admin UI on its own listener sends HSTS and a secure cookie. A client
// that only claims to be such a proxy changes nothing.
func TestAdminApartBehindTLS(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"127.0.0.0/8": true, "192.0.2.0/24": false} {
		opts := withAdmins(web.Options{AdminApart: true, HSTS: time.Hour})
		trusting(t, name)(&opts)
		srv := webtest.Start(t, opts)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.ServeAdmin(l) }()
		v := newVisitor(t, "http://"+l.Addr().String(), &http.Transport{})
		form := "username=alice&password=" + "alice%27s+secret"
		r := v.do("POST", "/admin/login", form, "Content-Type: application/x-www-form-urlencoded",
			"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "Origin: https://"+l.Addr().String())
		set := (&http.Response{Header: r.header}).Cookies()
		if r.status != 303 || len(set) != 1 || set[0].Secure != secure {
			t.Errorf("proxies of %s are trusted: the login is answered %d with the cookies %v", name, r.status, set)
		}
		if got := r.header.Get("Strict-Transport-Security"); (got == "max-age=3600") != secure {
			t.Errorf("proxies of %s are trusted: HSTS is %q", name, got)
		}
		srv.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}
