package traffic

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// live has p come and go until ctx ends.
func (c *Crowd) live(ctx context.Context, p *person) {
	ch := newChance(c.seed, saltLife, uint64(p.number))
	var transport *http.Transport // nil: each connection is made by hand
	if p.way == http2 {
		transport = c.newTransport(p)
		defer transport.CloseIdleConnections()
	}
	// Most arrive at once, as after a restart of the server.
	first := ch.between(0, 3*time.Second)
	if p.number%5 == 4 {
		first = ch.about(p.away)
	}
	for visits := uint64(0); pause(ctx, first); visits++ {
		visit, leave := context.WithTimeout(ctx, 15*time.Second+ch.about(p.stay))
		var open sync.WaitGroup
		tabs := p.tabs
		if tabs < 6 {
			tabs = 1 + ch.IntN(tabs)
		}
		for n := range tabs {
			t := &tab{crowd: c, person: p, transport: transport, retry: 3 * time.Second, nth: n}
			t.chance = newChance(c.seed, saltTab, uint64(p.number)<<20+visits<<4+uint64(n))
			open.Go(func() { t.run(visit) })
		}
		open.Wait()
		leave()
		// At low tide people stay away longer. Longer than the grace it is in any case.
		low := 2 - wave(c.age(), 6*time.Minute, 0)
		first = 15*time.Second + time.Duration(low*float64(ch.about(p.away)))
	}
}
