package torture

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// System is the target of a round.
type System struct {
	Servers []string // host:port, as clients reach them, or https://host:port
	Faults  []Fault
	Repair  func() // has all run that should, once the faults have ended; it may be called again
	Rules   Rules
}

// Round configures an attack. The zero value of a number means a small one.
type Round struct {
	Seed        uint64
	Steps       int // of the nemesis: 5
	Publishers  int // 3
	Subscribers int // 8
	Readers     int // 2
	Watchers    int // 2
	Channels    int // 4
	Tellers     int // 2
	Log         func(format string, args ...any)
}

func (r *Round) fill() {
	for value, usual := range map[*int]int{&r.Steps: 5, &r.Publishers: 3, &r.Subscribers: 8, &r.Readers: 2, &r.Watchers: 2, &r.Channels: 4, &r.Tellers: 2} {
		if *value == 0 {
			*value = usual
		}
	}
	if r.Log == nil {
		r.Log = func(string, ...any) {}
	}
}

// crowd is a round's clients.
type crowd struct {
	h           *History
	sys         System
	channels    []string
	client      *http.Client
	ender       *publisher
	reader      *reader
	publishers  []*publisher
	readers     []*reader
	subscribers []*subscriber
	watchers    []*watcher
	tellers     []*teller
}

// Run executes a round and returns the clients' records. It calls the faults one after the other.
func Run(ctx context.Context, sys System, round Round) *History {
	round.fill()
	c := newCrowd(sys, &round)
	defer c.client.CloseIdleConnections()
	var busy, lasting sync.WaitGroup
	staying, leave := context.WithCancel(ctx)
	defer func() { leave(); lasting.Wait() }()
	for _, s := range c.subscribers {
		lasting.Go(func() { s.run(staying) })
	}
	for _, w := range c.watchers {
		lasting.Go(func() { w.run(staying) })
	}
	working, finish := context.WithCancel(ctx)
	defer finish()
	for _, p := range c.publishers {
		busy.Go(func() { p.run(working) })
	}
	for _, t := range c.tellers {
		busy.Go(func() { t.run(working, func(l *listener) { lasting.Go(func() { l.run(staying) }) }) })
	}
	for _, r := range c.readers {
		busy.Go(func() { r.run(working) })
	}
	c.gather(ctx)
	for i, step := range Plan(round.Seed, sys.Faults, round.Steps) {
		round.Log("%v step %d: %v", c.h.now().Round(time.Millisecond), i+1, step)
		step.run(ctx)
	}
	sys.Repair()
	c.wait(ctx, "the servers are ready", func() bool {
		sys.Repair()
		return !slices.ContainsFunc(sys.Servers, func(s string) bool { return !c.reader.ready(ctx, s) })
	})
	round.Log("%v all servers are ready", c.h.now().Round(time.Millisecond))
	finish()
	busy.Wait()
	c.settle(ctx)
	leave()
	lasting.Wait()
	c.emptied(ctx)
	round.Log("%v %d attempts, %d frames, %d pages", c.h.now().Round(time.Millisecond), len(c.h.Attempts), len(c.h.Frames), len(c.h.Pages))
	return c.h
}

func newCrowd(sys System, round *Round) *crowd {
	c := &crowd{h: NewHistory(), sys: sys, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10, TLSClientConfig: anyCertificate}}}
	for i := range round.Channels {
		c.channels = append(c.channels, fmt.Sprint("c.", i))
	}
	for i := range round.Publishers {
		c.publishers = append(c.publishers, newPublisher(c.h, sys.Servers, round.Seed, fmt.Sprint("p", i), c.channels, c.client))
	}
	for i := range round.Readers {
		c.readers = append(c.readers, newReader(c.h, sys.Servers, round.Seed, fmt.Sprint("r", i), c.channels, c.client))
	}
	for i := range round.Subscribers {
		name := fmt.Sprint("s", i)
		some := c.channels[i%len(c.channels)]
		channels := [][]string{
			c.channels,
			{some, c.channels[(i+1)%len(c.channels)]},
			{"c.*"},
			{"c.>", some}, // each event comes once
		}[i%4]
		c.subscribers = append(c.subscribers, newSubscriber(c.h, sys.Servers, round.Seed, name, channels))
		c.h.Clients = append(c.h.Clients, name)
	}
	slices.Sort(c.h.Clients)
	for i := range round.Watchers {
		c.watchers = append(c.watchers, newWatcher(c.h, sys.Servers, round.Seed, fmt.Sprint("w", i)))
	}
	for i := range round.Tellers {
		c.tellers = append(c.tellers, &teller{
			name: fmt.Sprint("t", i), h: c.h, servers: sys.Servers, client: c.client, seed: round.Seed, rand: newRand(round.Seed, fmt.Sprint("t", i)),
		})
	}
	c.ender = newPublisher(c.h, sys.Servers, round.Seed, "ender", c.channels, c.client)
	c.reader = newReader(c.h, sys.Servers, round.Seed, "final", c.channels, c.client)
	return c
}

// settle makes all clients stay, publishes a last event to each channel, and waits until every client has it and all
// agree on who is online.
func (c *crowd) settle(ctx context.Context) {
	for _, s := range c.subscribers {
		s.settle()
	}
	for _, w := range c.watchers {
		w.settle()
	}
	for _, t := range c.tellers {
		for _, l := range t.listeners {
			l.settle()
		}
	}
	for _, s := range c.subscribers { // a fresh one after the last events would receive them as lastEvents
		c.wait(ctx, s.name+" is back", s.hasBegun)
	}
	end := c.ender.batch(endMark, c.channels...)
	last, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !c.ender.insist(last, end) {
		c.h.stuck("the last events are not acknowledged")
		return
	}
	for _, s := range c.subscribers {
		c.wait(ctx, s.name+" has the last events", func() bool { return s.has(end) })
	}
	for _, t := range c.tellers {
		for _, l := range t.listeners {
			if c.sys.Rules.Durable { // else its end may be lost
				c.wait(ctx, "all of "+l.text.Channel+" has come", l.isOver)
			}
			l.leave()
		}
	}
	for _, w := range c.watchers {
		c.wait(ctx, w.name+" sees all", func() bool { return w.sees(c.h.Clients) })
	}
	for _, server := range c.sys.Servers {
		c.wait(ctx, server+" shows all", func() bool {
			got, _ := c.reader.online(ctx, server)
			slices.Sort(got)
			return slices.Equal(got, c.h.Clients)
		})
		for _, e := range end {
			c.wait(ctx, server+" has all of "+e.Channel, func() bool { return c.reader.all(ctx, server, e) })
			c.reader.last(ctx, server, e.Channel)
		}
		got, _ := c.reader.online(ctx, server)
		c.h.roster(Roster{server, got})
	}
}

// gather waits until each subscriber and watcher has received something. Earlier faults would have no effect.
func (c *crowd) gather(ctx context.Context) {
	for _, s := range c.subscribers {
		c.wait(ctx, s.name+" has begun", s.hasBegun)
	}
	for _, w := range c.watchers {
		c.wait(ctx, w.name+" has begun", w.hasBegun)
	}
}

// wait waits until the condition holds, and notes if it does not.
func (c *crowd) wait(ctx context.Context, what string, ok func() bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for len(c.h.Stuck) == 0 && !ok() { // one that is stuck is enough
		if !Pause(ctx, 10*time.Millisecond) {
			c.h.stuck("waited in vain until " + what)
			return
		}
	}
}
