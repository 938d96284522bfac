package hooks

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A private address is refused however it is written or found, before anything is sent.
func TestPrivateAddressesAreRefused(t *testing.T) {
	r := receive(t, nil)
	port := netip.MustParseAddrPort(r.Listener.Addr().String()).Port()
	for name, host := range map[string]string{
		"loopback":              "127.0.0.1",
		"other loopback":        "127.9.9.9",
		"localhost by name":     "localhost",
		"loopback in IPv6":      "[::1]",
		"mapped into IPv6":      "[::ffff:127.0.0.1]",
		"mapped, in hex":        "[::ffff:7f00:1]",
		"unspecified":           "0.0.0.0",
		"unspecified in IPv6":   "[::]",
		"10/8":                  "10.0.0.1",
		"172.16/12":             "172.16.0.1",
		"192.168/16":            "192.168.1.1",
		"metadata of clouds":    "169.254.169.254",
		"shared address space":  "100.64.0.1",
		"unique local":          "[fd00::1]",
		"link-local in IPv6":    "[fe80::1]",
		"NAT64 of loopback":     "[64:ff9b::7f00:1]",
		"6to4 of a private one": "[2002:a00:1::1]",
		"multicast":             "224.0.0.1",
		"broadcast":             "255.255.255.255",
		"benchmarking":          "198.18.0.1",
	} {
		t.Run(name, func(t *testing.T) {
			e := Endpoint{URL: "https://" + net.JoinHostPort(strings.Trim(host, "[]"), "9"), Secrets: []string{secretA}}
			if host == "127.0.0.1" || host == "localhost" || strings.Contains(host, "ffff") {
				e.URL = strings.Replace(e.URL, ":9", ":"+netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()[len("0.0.0.0:"):], 1)
			}
			client := newClient(false, nil)
			defer client.CloseIdleConnections()
			if a := post(context.Background(), client, &e, "msg_1", []byte("{}"), 5*time.Second); a.Err != errPrivate.Error() {
				t.Errorf("the answer is %+v", a)
			}
		})
	}
	if len(r.messages()) > 0 {
		t.Error("something arrived")
	}
}

// A name that leads to a public address when it is checked and to a private one when it is dialled gains nothing: what is
// checked is what is dialled, for every address that a name has.
func TestRebindingNameIsRefused(t *testing.T) {
	client := newClient(false, nil)
	defer client.CloseIdleConnections()
	dial := client.Transport.(*http.Transport).DialContext
	for _, address := range []string{"127.0.0.1:9", "[::1]:9", "10.0.0.1:9"} { // as a name was resolved
		conn, err := dial(context.Background(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s was dialled", address)
		} else if reason(err, 0) != errPrivate.Error() {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A good endpoint can't send us on to a private one.
func TestRedirectToPrivateAddressIsNotFollowed(t *testing.T) {
	inner := receive(t, nil)
	r := receive(t, func(w http.ResponseWriter, req *http.Request, _ message) bool {
		http.Redirect(w, req, inner.URL, http.StatusTemporaryRedirect)
		return true
	})
	w := begin(t, Options{Endpoints: []Endpoint{r.endpoint()}, pace: func() *pace { p := quick(); p.closing = time.Millisecond; return p }()})
	w.join("ann")
	r.until("it is refused", func() bool { return strings.Contains(w.status().LastErr, "redirects are not followed") })
	if len(inner.messages()) > 0 {
		t.Error("the redirect was followed")
	}
}

// A proxy of the environment would dial in our place, unchecked.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	if newClient(false, nil).Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is used")
	}
}

// A private address is only allowed with the option.
func TestAllowPrivateIsForOneEndpoint(t *testing.T) {
	allowed, forbidden := receive(t, nil), receive(t, nil)
	other := forbidden.endpoint()
	other.URL, other.AllowPrivate = strings.Replace(other.URL, "http:", "https:", 1), false
	p := quick()
	p.closing = time.Millisecond
	w := begin(t, Options{Endpoints: []Endpoint{allowed.endpoint(), other}, pace: p})
	w.join("ann")
	allowed.want("client.online ann")
	forbidden.until("it is refused", func() bool { return w.h.Endpoints()[1].LastErr == errPrivate.Error() })
	if len(forbidden.messages()) > 0 {
		t.Error("something arrived")
	}
}
