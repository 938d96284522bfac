package auth_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"rollcall/web/auth"
)

// from makes a request that comes from the peer with these header lines.
func from(peer string, headers ...string) *http.Request {
	r := request("", headers...)
	r.RemoteAddr = peer
	return r
}

func trusted(t testing.TB, list ...string) auth.TrustedProxies {
	t.Helper()
	proxies, err := auth.ParseTrusted(list...)
	if err != nil {
		t.Fatal(err)
	}
	return proxies
}

func TestClientAddr(t *testing.T) {
	proxies := trusted(t, "10.0.0.0/8", "192.0.2.1", "fd00::/8", "::1")
	const proxy = "10.0.0.1:4711"
	for name, c := range map[string]struct {
		peer    string
		headers []string
		want    string
	}{
		"nobody's word":               {proxy, nil, "10.0.0.1 http example.org"},
		"forged by an untrusted peer": {"198.51.100.9:1", []string{"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;proto=https;host=a", "X-Forwarded-Proto: https", "X-Forwarded-Host: a"}, "198.51.100.9 http example.org"},
		"one proxy":                   {proxy, []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7 http example.org"},
		"scheme and host":             {proxy, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: HTTPS", "X-Forwarded-Host: app.example.org:8443"}, "203.0.113.7 https app.example.org:8443"},
		"no address, but a scheme":    {proxy, []string{"X-Forwarded-Proto: https"}, "10.0.0.1 https example.org"},
		"forged in front of a proxy":  {proxy, []string{"X-Forwarded-For: 127.0.0.1, 10.0.0.9, 203.0.113.7"}, "203.0.113.7 http example.org"},
		"two proxies":                 {proxy, []string{"X-Forwarded-For: 127.0.0.1,203.0.113.7 ,\t192.0.2.1"}, "203.0.113.7 http example.org"},
		"two header lines":            {proxy, []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.7", "X-Forwarded-For: 10.2.3.4"}, "203.0.113.7 http example.org"},
		"all of them trusted":         {proxy, []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3 http example.org"},
		"a port":                      {proxy, []string{"X-Forwarded-For: 203.0.113.7:5678"}, "203.0.113.7 http example.org"},
		"IPv6":                        {proxy, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7 http example.org"},
		"IPv6 in brackets":            {proxy, []string{"X-Forwarded-For: [2001:db8::7]"}, "2001:db8::7 http example.org"},
		"IPv6 with a port":            {proxy, []string{"X-Forwarded-For: [2001:db8::7]:443"}, "2001:db8::7 http example.org"},
		"IPv4 in IPv6":                {"[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For: ::ffff:10.0.0.2, ::ffff:203.0.113.7, ::ffff:192.0.2.1"}, "203.0.113.7 http example.org"},
		"a proxy with a zone":         {"[fd00::1%eth0]:1", []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7 http example.org"},
		"garbage":                     {proxy, []string{"X-Forwarded-For: 203.0.113.7, <script>"}, "10.0.0.1 http example.org"},
		"garbage in front":            {proxy, []string{"X-Forwarded-For: \"\\, x, 203.0.113.7"}, "203.0.113.7 http example.org"},
		"unknown":                     {proxy, []string{"X-Forwarded-For: 203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2 http example.org"},
		"nothing between commas":      {proxy, []string{"X-Forwarded-For: 203.0.113.7,,"}, "10.0.0.1 http example.org"},
		"a zone":                      {proxy, []string{"X-Forwarded-For: fe80::1%eth0"}, "10.0.0.1 http example.org"},
		"a bad port":                  {proxy, []string{"X-Forwarded-For: 203.0.113.7:x"}, "10.0.0.1 http example.org"},
		"a name":                      {proxy, []string{"X-Forwarded-For: localhost"}, "10.0.0.1 http example.org"},
		"bad scheme and host":         {proxy, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: javascript", "X-Forwarded-Host: a/b\r\nX: y"}, "203.0.113.7 http example.org"},
		"a list of schemes":           {proxy, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: http, https"}, "203.0.113.7 https example.org"},
		"a peer without an address":   {"pipe", []string{"X-Forwarded-For: 203.0.113.7"}, "invalid IP http example.org"},
		"a socket file, untrusted":    {"@", []string{"X-Forwarded-For: 203.0.113.7"}, "invalid IP http example.org"},

		"Forwarded":                      {proxy, []string{"Forwarded: for=203.0.113.7;proto=https;host=app.example.org"}, "203.0.113.7 https app.example.org"},
		"Forwarded, quoted":              {proxy, []string{`Forwarded: For="[2001:db8::7]:4711"; PROTO="https" ;;by=10.0.0.1;`}, "2001:db8::7 https example.org"},
		"Forwarded, two proxies":         {proxy, []string{`Forwarded: for=127.0.0.1, for=203.0.113.7;proto=https;host=a`, `Forwarded: for="10.0.0.9:80";proto=http;host=b`}, "203.0.113.7 https a"},
		"Forwarded, obfuscated":          {proxy, []string{"Forwarded: for=203.0.113.7, for=_hidden;proto=https, for=10.0.0.2"}, "10.0.0.2 https example.org"},
		"Forwarded, unknown":             {proxy, []string{"Forwarded: for=unknown"}, "10.0.0.1 http example.org"},
		"Forwarded, obfuscated port":     {proxy, []string{`Forwarded: for="203.0.113.7:_x"`}, "203.0.113.7 http example.org"},
		"Forwarded, without for":         {proxy, []string{"Forwarded: proto=https"}, "10.0.0.1 https example.org"},
		"Forwarded, garbage":             {proxy, []string{"Forwarded: for=203.0.113.7, for"}, "10.0.0.1 http example.org"},
		"Forwarded, space before =":      {proxy, []string{"Forwarded: for =203.0.113.7"}, "10.0.0.1 http example.org"},
		"Forwarded, after a quote":       {proxy, []string{`Forwarded: for="203.0.113.7"x`}, "10.0.0.1 http example.org"},
		"Forwarded, for twice":           {proxy, []string{"Forwarded: for=203.0.113.7;for=127.0.0.1"}, "10.0.0.1 http example.org"},
		"Forwarded, escape":              {proxy, []string{`Forwarded: for="203.0.113\.7"`}, "10.0.0.1 http example.org"},
		"Forwarded, open quote in front": {proxy, []string{`Forwarded: for="127.0.0.1, for=203.0.113.7`}, "203.0.113.7 http example.org"},
		"Forwarded, quotes in front":     {proxy, []string{`Forwarded: a=", for="[2001:db8::7]"`}, "2001:db8::7 http example.org"},
		"both headers":                   {proxy, []string{"Forwarded: for=127.0.0.1;host=evil;proto=https", "X-Forwarded-For: 203.0.113.7"}, "203.0.113.7 http example.org"},
	} {
		s := proxies.ClientAddr(from(c.peer, c.headers...))
		if got := s.Addr.String() + " " + s.Scheme + " " + s.Host; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	r := from("198.51.100.9:1")
	r.TLS = &tls.ConnectionState{}
	if s := proxies.ClientAddr(r); s.Scheme != "https" {
		t.Errorf("%+v", s)
	}
	for _, peer := range []string{"", "@", "/run/rollcall.sock"} {
		s := trusted(t, "unix").ClientAddr(from(peer, "X-Forwarded-For: 203.0.113.7"))
		if s.Addr.String() != "203.0.113.7" {
			t.Errorf("by a trusted socket file: %+v", s)
		}
	}
	if s := (auth.TrustedProxies{}).ClientAddr(from("127.0.0.1:1", "X-Forwarded-For: 203.0.113.7")); s.Addr.String() != "127.0.0.1" {
		t.Errorf("nobody is trusted: %+v", s)
	}
}

// A client fills the header; what proxies added is found nevertheless, and no more
// is read than proxies can stand in a row.
func TestThousandsOfHops(t *testing.T) {
	proxies := trusted(t, "10.0.0.0/8")
	for name, front := range map[string]string{
		"addresses": strings.Repeat("127.0.0.1, ", 5000), "quotes": strings.Repeat(`"`, 50001) + ",",
		"commas": strings.Repeat(",", 50000), "one word": strings.Repeat("x", 50000) + ",", "trusted": strings.Repeat("10.0.0.1,", 5000),
	} {
		if s := proxies.ClientAddr(from("10.0.0.1:1", "X-Forwarded-For: "+front+"203.0.113.7, 10.0.0.2")); s.Addr.String() != "203.0.113.7" {
			t.Errorf("%s: %+v", name, s)
		}
		if s := proxies.ClientAddr(from("10.0.0.1:1", "Forwarded: "+front+"for=203.0.113.7, for=10.0.0.2")); s.Addr.String() != "203.0.113.7" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	many := "203.0.113.7," + strings.Repeat("10.0.0.2,", 5000) + "10.0.0.2"
	if s := proxies.ClientAddr(from("10.0.0.1:1", "X-Forwarded-For: "+many)); s.Addr.String() != "10.0.0.2" {
		t.Errorf("%+v", s)
	}
	r := from("10.0.0.1:1")
	for range 5000 {
		r.Header.Add("X-Forwarded-For", "10.0.0.2")
	}
	if s := proxies.ClientAddr(r); s.Addr.String() != "10.0.0.2" {
		t.Errorf("%+v", s)
	}
	long := "for=203.0.113.7;x=" + strings.Repeat("x", 5000)
	if s := proxies.ClientAddr(from("10.0.0.1:1", "Forwarded: "+long)); s.Addr.String() != "10.0.0.1" {
		t.Errorf("%+v", s)
	}
}

func TestParseTrusted(t *testing.T) {
	proxies := trusted(t, "::ffff:10.0.0.0/104", "192.0.2.77/24", "2001:db8::1")
	for peer, want := range map[string]bool{
		"10.1.2.3:1": true, "11.0.0.1:1": false, "192.0.2.1:1": true, "[2001:db8::1]:1": true, "[2001:db8::2]:1": false, "[::ffff:10.0.0.1]:1": true,
	} {
		if got := proxies.ClientAddr(from(peer, "X-Forwarded-For: 203.0.113.7")).Addr.String() == "203.0.113.7"; got != want {
			t.Errorf("%s is trusted: %v", peer, got)
		}
	}
	for _, text := range []string{"", "localhost", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "::ffff:10.0.0.0/90", "10.0.0.0/8,::1", "*"} {
		if _, err := auth.ParseTrusted(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("1.2.3.4, 10.0.0.1", "", "https")
	f.Add("", `for="[2001:db8::1]:_x";proto=https;host="a:80", for=10.0.0.1`, "")
	f.Add("", `a=", for="\"";;=`, "http,")
	proxies := trusted(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, plain, standard, proto string) {
		headers := http.Header{"X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {proto}}
		r := from("10.0.0.1:1")
		r.Header = headers
		if plain != "" {
			headers["X-Forwarded-For"] = []string{plain}
		}
		if standard != "" {
			headers["Forwarded"] = []string{standard}
		}
		s := proxies.ClientAddr(r)
		if !s.Addr.IsValid() || s.Addr.Zone() != "" || s.Addr.Is4In6() || s.Scheme != "http" && s.Scheme != "https" ||
			s.Host == "" || strings.ContainsAny(s.Host, "/@\\ \r\n\x00\"") {
			t.Fatalf("%+v", s)
		}
		// Whatever a client wrote, it can't change what its proxy says of it.
		delete(headers, "X-Forwarded-For")
		delete(headers, "Forwarded")
		headers.Set("X-Forwarded-For", plain+",203.0.113.7")
		if s := proxies.ClientAddr(r); s.Addr != netip.MustParseAddr("203.0.113.7") {
			t.Fatalf("behind %q the client is %+v", plain, s)
		}
		headers.Del("X-Forwarded-For")
		headers.Set("Forwarded", standard+`,for="203.0.113.7:80"`)
		if s := proxies.ClientAddr(r); s.Addr != netip.MustParseAddr("203.0.113.7") {
			t.Fatalf("behind %q the client is %+v", standard, s)
		}
	})
}
