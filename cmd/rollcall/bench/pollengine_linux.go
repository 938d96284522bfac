package bench

import (
	"fmt"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// pollEngine is an engine of a few pollers, each with the streams of one tally.
type pollEngine struct {
	pollers map[*tally]*poller
	wg      sync.WaitGroup
}

func newPollEngine(r *requests, c clock, tallies []*tally, streams []*stream) (engine, error) {
	e := &pollEngine{pollers: make(map[*tally]*poller)}
	for _, t := range tallies {
		p, err := newPoller(r, c, t, streams)
		if err != nil {
			e.close()
			return nil, err
		}
		e.pollers[t] = p
		e.wg.Go(p.loop)
	}
	return e, nil
}

func (e *pollEngine) open(streams []*stream, window int) {
	for t, p := range e.pollers {
		mine := streamsOf(t, streams)
		p.do(func() { p.openLocked(mine, max(window/len(e.pollers), 1)) })
	}
}

func (e *pollEngine) drop(streams []*stream) {
	var done sync.WaitGroup
	for t, p := range e.pollers {
		mine := streamsOf(t, streams)
		done.Add(1)
		p.do(func() {
			p.dropLocked(mine)
			done.Done()
		})
	}
	done.Wait()
}

func (e *pollEngine) close() {
	for _, p := range e.pollers {
		p.do(p.stopLocked)
	}
	e.wg.Wait()
}

// streamsOf picks the streams of one tally.
func streamsOf(t *tally, streams []*stream) []*stream {
	var mine []*stream
	for _, s := range streams {
		if s.t == t {
			mine = append(mine, s)
		}
	}
	return mine
}

// resolve looks addr up; IPv4 comes first.
func resolve(addr string) (unix.Sockaddr, error) {
	for _, network := range []string{"tcp4", "tcp6"} {
		a, err := net.ResolveTCPAddr(network, addr)
		if err != nil {
			continue
		}
		if ip := a.IP.To4(); ip != nil || len(a.IP) == 0 {
			sa := &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}
			copy(sa.Addr[:], ip)
			return sa, nil
		}
		sa := &unix.SockaddrInet6{Port: a.Port}
		copy(sa.Addr[:], a.IP)
		return sa, nil
	}
	return nil, fmt.Errorf("cannot resolve %s", addr)
}
