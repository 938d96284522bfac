package main

import (
	"strings"
	"testing"

	"rollcall/cmd/rollcall/torture"
)

// proxy stands between a server and NATS.
type proxy struct{ *torture.Proxy }

// newProxy starts a proxy to the NATS server at url, until the test's end.
func newProxy(t *testing.T, url string) proxy {
	t.Helper()
	return proxy{tcpProxy(t, strings.TrimPrefix(url, "nats://"))}
}

// tcpProxy starts a proxy to an address, until the test's end.
func tcpProxy(t *testing.T, target string) *torture.Proxy {
	t.Helper()
	p, err := torture.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (p proxy) url() string { return "nats://" + p.Addr() }

// hold has nothing go through, while connections stay, until it is called with false.
func (p proxy) hold(held bool) {
	shape := torture.Shape{Hold: held}
	p.Set(shape, shape)
}
