package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// What the crowd does on each server. The figures suit a load tool beside the servers on two cores.
const (
	meanLife      = 2 * time.Minute // of a stream
	eventsPerSec  = 5               // on channels of many
	channelsAlive = 100             // that streams join; one becomes another every few seconds
	channelLife   = 5 * time.Minute // of a channel's name
	bulkReaders   = 8               // streams of a channel with large events, half of which stall
	bulkBytes     = 32 << 10
	watchers      = 3 // of presence
)

// adminPages are open all the time.
var adminPages = []string{"/admin", "/admin/clients", "/admin/channels"}

// crowd is everyone who uses the servers.
type crowd struct {
	counts *counts
	cancel context.CancelFunc
	done   sync.WaitGroup
	began  time.Time
	lanes  []*lane
}

func startCrowd(ctx context.Context, o options, servers []*server) *crowd {
	c := &crowd{counts: new(counts), began: time.Now()}
	ctx, c.cancel = context.WithCancel(ctx)
	each := o.streams / len(servers)
	spread := min(30*time.Second, o.span/8) // they arrive over this time
	for i, s := range servers {
		single := newLane(s, false)
		for n := range each {
			l := single
			if n%2 == 1 {
				if n/2%laneStreams == 0 {
					c.lanes = append(c.lanes, newLane(s, true))
				}
				l = c.lanes[len(c.lanes)-1]
			}
			r := rand.New(rand.NewPCG(o.seed, uint64(i<<32|n)))
			c.done.Go(func() { c.visitor(ctx, l, r, spread) })
		}
		for n := range bulkReaders {
			c.done.Go(func() { c.bulkReader(ctx, single, n%2 == 1) })
		}
		for range watchers {
			c.done.Go(func() { c.watcher(ctx, single) })
		}
		c.done.Go(func() {
			c.every(ctx, time.Second/eventsPerSec, func() { c.publish(ctx, s, c.channel(rand.N(channelsAlive)), "small") })
		})
		c.done.Go(func() {
			c.every(ctx, time.Second/4, func() { c.publish(ctx, s, "bulk", strings.Repeat("x", bulkBytes)) })
		})
		c.done.Go(func() { c.every(ctx, time.Second, func() { c.read(ctx, s) }) })
		c.done.Go(func() { c.operator(ctx, s) })
	}
	return c
}

// leave ends all streams and connections.
func (c *crowd) leave() {
	c.cancel()
	c.done.Wait()
	for _, l := range c.lanes {
		l.client.CloseIdleConnections()
	}
	plain.CloseIdleConnections()
}

func (c *crowd) every(ctx context.Context, d time.Duration, do func()) {
	for torture.Pause(ctx, d) {
		do()
	}
}

// channel is the present name of the n-th channel: each gets a new one after its life, at a time of its own.
func (c *crowd) channel(n int) string {
	age := time.Since(c.began) + time.Duration(n)*channelLife/channelsAlive
	return fmt.Sprintf("room.%d.%d", n, age/channelLife)
}

// visitor is a client, and after it another one: it opens a stream, drops or leaves it, and comes back at once or
// later with its position, or as somebody new.
func (c *crowd) visitor(ctx context.Context, l *lane, r *rand.Rand, spread time.Duration) {
	v := &visit{lane: l, counts: c.counts}
	for wait := between(r, spread); torture.Pause(ctx, wait); {
		if v.last == "" {
			v.path = fmt.Sprintf("/subscribe?clientId=c%x&channels=%s,%s", r.Uint64(), c.channel(r.IntN(channelsAlive)), c.channel(r.IntN(channelsAlive)))
			if r.IntN(5) == 0 {
				v.path += "&presence=channels"
			}
		}
		v.life = time.Duration(r.ExpFloat64()*float64(meanLife)) + 100*time.Millisecond
		v.leave = r.IntN(4) == 0
		v.run(ctx)
		if wait = 0; r.IntN(4) == 0 {
			wait = between(r, 20*time.Second)
		}
		if v.leave || r.IntN(3) == 0 {
			v.last = ""
		}
	}
}

// bulkReader follows large events; one that stalls is ended by the server, and comes back.
func (c *crowd) bulkReader(ctx context.Context, l *lane, stalls bool) {
	for ctx.Err() == nil {
		v := &visit{lane: l, counts: c.counts, path: "/subscribe?channels=bulk&from=now", life: meanLife, stall: stalls}
		v.run(ctx)
		torture.Pause(ctx, time.Second)
	}
}

// watcher follows presence, and comes back to where it was.
func (c *crowd) watcher(ctx context.Context, l *lane) {
	v := &visit{lane: l, counts: c.counts, path: "/presence/stream", life: meanLife}
	for ctx.Err() == nil {
		v.run(ctx)
		torture.Pause(ctx, time.Second)
	}
}

// publish publishes one event.
func (c *crowd) publish(ctx context.Context, s *server, channel, payload string) {
	body := fmt.Sprintf(`{"events":[{"channelName":%q,"type":"message","payload":%q,"idempotencyKey":"%x"}]}`, channel, payload, rand.Uint64())
	if c.counts.post(ctx, plain, s.url+"/publish", "application/json", body) {
		c.counts.published.Add(1)
	}
}

// read asks for what programs ask for beside streams.
func (c *crowd) read(ctx context.Context, s *server) {
	channel := url.QueryEscape(c.channel(rand.N(channelsAlive)))
	for _, path := range []string{"/history?channel=" + channel, "/lastEvent?channel=" + channel, "/presence/clients?limit=20", "/presence/channels?limit=20"} {
		c.counts.get(ctx, plain, s.url+path)
	}
}

// operator logs in and follows pages of the admin UI, each for a while.
func (c *crowd) operator(ctx context.Context, s *server) {
	jar, _ := cookiejar.New(nil) // never fails without options
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: anyCertificate}}
	form := url.Values{"username": {adminUser}, "password": {adminPassword}}
	if !c.counts.post(ctx, client, s.url+"/admin/login", "application/x-www-form-urlencoded", form.Encode()) {
		return
	}
	var pages sync.WaitGroup
	defer pages.Wait()
	for _, page := range adminPages {
		pages.Go(func() {
			for ctx.Err() == nil {
				c.counts.get(ctx, client, s.url+page)
				looking, cancel := context.WithTimeout(ctx, meanLife)
				c.counts.get(looking, client, s.url+"/admin/stream?page="+url.QueryEscape(page))
				cancel()
				torture.Pause(ctx, time.Second)
			}
		})
	}
}

// between returns a duration up to most.
func between(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most)))
}
