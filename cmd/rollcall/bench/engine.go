package bench

import (
	"crypto/tls"
	"net"
	"slices"
)

// engine connects and reads streams. Its methods are called from one goroutine.
type engine interface {
	// open starts connecting streams, at most window of them at the same time, and returns; each becomes open or
	// failed. A stream with a position resumes from it.
	open(streams []*stream, window int)
	// drop closes streams in any state, and returns when they are idle.
	drop(streams []*stream)
	// close drops all streams, ends all goroutines and returns when they have ended.
	close()
}

// newEngine returns the lightest engine that this system and the address allow. There is one tally per reader; streams
// belong to one of them.
func newEngine(o Options, r *requests, c clock, tallies []*tally, streams []*stream) (engine, error) {
	if o.Portable || o.HTTP2 || slices.ContainsFunc(r.endpoints, func(e endpoint) bool { return e.tls }) {
		return newPortable(o, r, c), nil
	}
	return newPollEngine(r, c, tallies, streams)
}

// tlsConfig checks certificates as any client does, unless anyCertificate is set.
func tlsConfig(e endpoint, anyCertificate bool) *tls.Config {
	host, _, _ := net.SplitHostPort(e.addr)
	return &tls.Config{
		ServerName: host, InsecureSkipVerify: anyCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
}
