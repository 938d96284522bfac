package auth_test

import (
	"testing"

	"rollcall/web/auth"
)

func TestLoopbackHosts(t *testing.T) {
	for _, host := range []string{
		"localhost", "LocalHost:9090", "localhost.", "app.localhost", "a.b.localhost:80", "127.0.0.1", "127.0.0.1:9090",
		"127.255.255.254", "[::1]", "[::1]:9090", "[::ffff:127.0.0.1]",
	} {
		if !auth.LoopbackHost(host) {
			t.Errorf("%q is not taken for this machine", host)
		}
	}
}

// A foreign page gives its own name the address of this machine; its requests
// still have that name as their Host.
func TestDNSRebinding(t *testing.T) {
	for _, host := range []string{
		"", ":9090", ".", ".localhost", "example.org", "127.0.0.1.evil.com", "localhost.evil.com", "evil-localhost", "xlocalhost",
		"127.0.0.1.", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "0.0.0.0", "[::]", "10.0.0.1", "128.0.0.1", "[::2]",
		"localhost:9090:80", "localhost:abc", "localhost:999999", "[::1", "::1]", "[]", "[::1]x", "[::1]x:80", "[127.0.0.1]", "[::1%25lo]",
		"::1", "localhost@evil.com", "evil.com/.localhost", "evil.com?.localhost", "evil.com#.localhost", " localhost", "localhost ",
		"localhost\x00", "evil.com\x00.localhost", "127.0.0.1, evil.com", "192.168.0.1:80", "[fe80::1]",
	} {
		if auth.LoopbackHost(host) {
			t.Errorf("%q is taken for this machine", host)
		}
	}
}
