package bench

import (
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// readBuffer is the size in bytes of a poller's one buffer: several large events, or the joined
// events of a burst, in one read.
const readBuffer = 256 << 10

// poller reads the streams of one tally, on one goroutine and one edge-triggered epoll instance.
type poller struct {
	// Static.
	requests *requests
	clock    clock
	addrs    []unix.Sockaddr // of the requests' endpoints; connecting writes into them
	t        *tally
	streams  []*stream // all streams, by id
	ep, wake int

	// Owned by the loop, which holds t.mu while it works.
	buf      []byte
	request  []byte
	pending  []*stream // still to be connected
	inflight int       // streams that are dialing or asking
	window   int
	stopped  bool

	mu       sync.Mutex
	commands []func() // for the loop; run with t.mu held
}

// wakeID marks the eventfd among the epoll events; streams have ids from 0.
const wakeID = -1

func newPoller(r *requests, c clock, t *tally, streams []*stream) (*poller, error) {
	p := &poller{requests: r, clock: c, t: t, streams: streams, buf: make([]byte, readBuffer)}
	for _, e := range r.endpoints {
		addr, err := resolve(e.addr)
		if err != nil {
			return nil, err
		}
		p.addrs = append(p.addrs, addr)
	}
	var err error
	if p.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(p.ep)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeID}
	if err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, p.wake, &ev); err != nil {
		unix.Close(p.ep)
		unix.Close(p.wake)
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return p, nil
}

// do has the loop run f soon, with t.mu held.
func (p *poller) do(f func()) {
	p.mu.Lock()
	p.commands = append(p.commands, f)
	p.mu.Unlock()
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(p.wake, one[:]) // fails only when it has been written to already
}

// loop works until stopLocked.
func (p *poller) loop() {
	events := make([]unix.EpollEvent, 512)
	for !p.stopped {
		n, err := unix.EpollWait(p.ep, events, -1)
		if err != nil && err != unix.EINTR {
			panic(fmt.Sprintf("epoll_wait: %v", err)) // cannot be: the descriptor is ours
		}
		p.t.mu.Lock()
		for i := range max(n, 0) {
			if events[i].Fd == wakeID {
				p.runLocked()
				continue
			}
			s := p.streams[events[i].Fd]
			if s.fd >= 0 && s.turn == uint32(events[i].Pad) {
				p.readyLocked(s, events[i].Events)
			}
		}
		p.fillLocked()
		p.t.mu.Unlock()
	}
	unix.Close(p.wake)
	unix.Close(p.ep)
}

// runLocked runs the commands that have come.
func (p *poller) runLocked() {
	var word [8]byte
	unix.Read(p.wake, word[:])
	p.mu.Lock()
	commands := p.commands
	p.commands = nil
	p.mu.Unlock()
	for _, f := range commands {
		f()
	}
}

func (p *poller) openLocked(streams []*stream, window int) {
	for _, s := range streams {
		s.state = streamIdle
	}
	p.pending, p.window = append(p.pending, streams...), window
}

func (p *poller) dropLocked(streams []*stream) {
	p.pending = nil
	for _, s := range streams {
		if s.fd >= 0 {
			p.closeLocked(s, nil)
		}
	}
}

func (p *poller) stopLocked() {
	p.pending, p.stopped = nil, true
	for _, s := range p.streams {
		if s.t == p.t && s.fd >= 0 {
			p.closeLocked(s, nil)
		}
	}
}

// fillLocked starts as many connections as the window allows.
func (p *poller) fillLocked() {
	for len(p.pending) > 0 && p.inflight < p.window {
		s := p.pending[0]
		p.pending = p.pending[1:]
		s.state = streamDialing
		fd, err := p.dialLocked(s)
		if err != nil {
			s.closedLocked(err)
			continue
		}
		s.fd = int32(fd)
		p.inflight++
	}
}

// dialLocked starts to connect s.
func (p *poller) dialLocked(s *stream) (fd int, err error) {
	addr := p.addrs[s.id%len(p.addrs)]
	family := unix.AF_INET
	if _, ok := addr.(*unix.SockaddrInet6); ok {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if s.slow {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, slowBuffer) // best effort
	}
	ev := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(s.id), Pad: int32(s.turn),
	}
	if err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("epoll_ctl: %w", err)
	}
	if err := unix.Connect(fd, addr); err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// readyLocked handles a stream's socket events.
func (p *poller) readyLocked(s *stream, events uint32) {
	if s.state == streamDialing {
		if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			code, _ := unix.GetsockoptInt(int(s.fd), unix.SOL_SOCKET, unix.SO_ERROR)
			p.closeLocked(s, fmt.Errorf("connect: %w", unix.Errno(code)))
			return
		}
		if events&unix.EPOLLOUT == 0 {
			return
		}
		p.request = p.requests.append(p.request[:0], s)
		if n, err := unix.Write(int(s.fd), p.request); n < len(p.request) {
			p.closeLocked(s, fmt.Errorf("request: %d of %d bytes written: %v", n, len(p.request), err))
			return
		}
		s.state = streamAsking
	}
	over := events&(unix.EPOLLERR|unix.EPOLLHUP|unix.EPOLLRDHUP) != 0
	switch {
	case s.slow && over:
		p.closeLocked(s, errEnded)
	case s.slow && s.state == streamAsking && events&unix.EPOLLIN != 0:
		s.state = streamOpen
		s.t.counts.open++
		p.inflight--
	case !s.slow && (over || events&unix.EPOLLIN != 0):
		p.readLocked(s, over)
	}
}

// readLocked reads everything available. After a short read, later data brings a new event; a closed connection is
// read to its end.
func (p *poller) readLocked(s *stream, over bool) {
	for {
		kept := len(s.tail)
		if kept+readBuffer/2 > len(p.buf) {
			p.buf = make([]byte, 2*kept+readBuffer)
		}
		n, err := unix.Read(int(s.fd), p.buf[kept:])
		switch {
		case err == unix.EAGAIN:
			return
		case err == unix.EINTR:
			continue
		case err != nil:
			p.closeLocked(s, err)
			return
		case n == 0:
			p.closeLocked(s, errEnded)
			return
		}
		now := p.clock.now()
		copy(p.buf, s.tail)
		asking := s.state == streamAsking
		err = s.takeLocked(p.buf[:kept+n], kept, now)
		if asking && s.state == streamOpen {
			p.inflight--
		}
		if err != nil {
			p.closeLocked(s, err)
			return
		}
		if n < len(p.buf)-kept && !over {
			return
		}
	}
}

// closeLocked closes the connection of s; why is nil if this side decided it.
func (p *poller) closeLocked(s *stream, why error) {
	if s.state == streamDialing || s.state == streamAsking {
		p.inflight--
	}
	unix.Close(int(s.fd))
	s.fd = -1
	s.closedLocked(why)
}
