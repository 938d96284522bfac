package traffic

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a crowd.
type Options struct {
	People int    // 0 means 120
	Seed   uint64 // chooses them
	H2C    bool   // the server takes HTTP/2 in clear, and some use it
}

// Crowd is traffic under way. Its methods are safe for concurrent use.
type Crowd struct {
	// Static.
	host     string // host:port of the server
	loopback bool   // it is reached over 127.0.0.0/8
	seed     uint64
	begun    time.Time
	client   *http.Client // of the publishers

	running                                     sync.WaitGroup
	streams, returns, reloads, events, failures atomic.Int64
}

// Counts are a crowd's activities so far.
type Counts struct {
	Streams  int64 // that were granted
	Returns  int64 // of these, after a lost connection or a reload
	Reloads  int64 // of these, after a reload
	Events   int64 // published
	Failures int64 // to publish
}

// Start lets a crowd use the server at baseURL, such as "http://127.0.0.1:9090", until ctx ends. Call Wait after that.
func Start(ctx context.Context, baseURL string, o Options) *Crowd {
	host := strings.TrimSuffix(strings.TrimPrefix(baseURL, "http://"), "/")
	name, _, _ := net.SplitHostPort(host)
	c := &Crowd{
		host:     host,
		loopback: strings.HasPrefix(name, "127."),
		seed:     o.Seed,
		begun:    time.Now(),
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 10 * time.Second},
	}
	people := newCast(o, cmp.Or(o.People, 120))
	for _, p := range people {
		c.running.Go(func() { c.live(ctx, p) })
	}
	var publishing sync.WaitGroup
	for i, f := range newFeeds(people) {
		publishing.Go(func() { c.publish(ctx, f, newChance(o.Seed, saltFeed, uint64(i))) })
	}
	c.running.Go(func() {
		publishing.Wait()
		c.client.CloseIdleConnections()
	})
	return c
}

// Wait returns when everybody has gone, which is soon after the context of Start
// has ended.
func (c *Crowd) Wait() { c.running.Wait() }

// Counts returns the activities so far.
func (c *Crowd) Counts() Counts {
	return Counts{c.streams.Load(), c.returns.Load(), c.reloads.Load(), c.events.Load(), c.failures.Load()}
}

// age is how long the crowd has been there.
func (c *Crowd) age() time.Duration { return time.Since(c.begun) }

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
