package main

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"rollcall/web"
	"rollcall/web/auth"
	"rollcall/web/hooks"
)

// endpoints are the webhook endpoints of the demo: one takes every message, one refuses some messages at first.
type endpoints struct {
	http *http.Server
	url  string
}

// startEndpoints serves the endpoints on a free port of this machine.
func startEndpoints() (*endpoints, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	var came atomic.Int64
	mux.HandleFunc("POST /billing", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if came.Add(1)%4 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	e := &endpoints{http: &http.Server{Handler: mux}, url: "http://" + l.Addr().String()}
	go func() { _ = e.http.Serve(l) }() // ends with Close
	return e, nil
}

// webhooks are the endpoints as the server's options have them.
func (e *endpoints) webhooks() ([]web.Webhook, error) {
	rooms, err := auth.ParsePatterns("room.>")
	if err != nil {
		return nil, err
	}
	return []web.Webhook{
		{URL: e.url + "/chat", Secrets: []string{newSecret()}, Channels: rooms, AllowPrivate: true},
		{URL: e.url + "/billing?key=demo", Secrets: []string{newSecret(), newSecret()}, AllowPrivate: true,
			Types: []string{hooks.ClientOnline, hooks.ClientOffline}},
	}, nil
}

// newSecret returns a random secret.
func newSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])
}

// Close ends the endpoints.
func (e *endpoints) Close() error { return e.http.Close() }
