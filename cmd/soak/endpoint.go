package main

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// endpoint takes the servers' webhooks.
type endpoint struct {
	url   string
	taken atomic.Int64 // messages
	http  *http.Server
}

func startEndpoint() (*endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{url: "http://" + l.Addr().String()}
	e.http = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				e.taken.Add(1)
			}
		}),
	}
	go func() { _ = e.http.Serve(l) }() // until close
	return e, nil
}

func (e *endpoint) close() { _ = e.http.Close() }
