package hub

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// poller watches the sockets of one shard for disconnects and for room to write. Its goroutine waits for the kernel;
// events are handled on the shard's goroutine, which owns every field not marked static.
type poller struct {
	epoll   int           // static until close
	stop    int           // static; an eventfd
	stopped chan struct{} // static
	heard   chan struct{} // static; the shard has dealt with a batch
	quit    chan struct{} // static; closed when the shard handles no more events

	waiting    bool      // the goroutine was started, which the first socket does
	sockets    []*socket // by file descriptor
	generation uint32
	iov        []unix.Iovec
	scratch    [1024]byte
	input      []byte // what links read
	plain      []byte // what is to be encrypted, gathered
	cipher     []byte // what was encrypted and is not written
}

// inputBuffer returns the buffer into which links read.
func (p *poller) inputBuffer() []byte {
	if p.input == nil {
		p.input = make([]byte, linkInput)
	}
	return p.input
}

// maxIovecs is how many pieces the kernel takes in one write (IOV_MAX).
const maxIovecs = 1024

// newPoller returns a poller, or nil if the system cannot make one.
func newPoller() *poller {
	p := &poller{stopped: make(chan struct{}), heard: make(chan struct{}, 1), quit: make(chan struct{}), iov: make([]unix.Iovec, 0, maxIovecs)}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil
	}
	if p.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(p.epoll)
		return nil
	}
	if err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.stop, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.stop)}); err != nil {
		_ = unix.Close(p.epoll)
		_ = unix.Close(p.stop)
		return nil
	}
	return p
}

// wait passes the kernel's events to the shard until close.
func (p *poller) wait(s *shard) {
	defer close(p.stopped)
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		for _, ev := range events[:n] {
			if ev.Fd == int32(p.stop) {
				return
			}
		}
		s.post(func() {
			for i := range events[:n] {
				p.dispatch(s, &events[i])
			}
			p.heard <- struct{}{}
		})
		select {
		case <-p.heard:
		case <-p.quit:
			return
		}
	}
}

// dispatch handles one event. The generation identifies events of closed sockets, because file descriptors are soon
// reused.
func (p *poller) dispatch(s *shard, ev *unix.EpollEvent) {
	if int(ev.Fd) >= len(p.sockets) {
		return
	}
	k := p.sockets[ev.Fd]
	if k == nil || k.generation != uint32(ev.Pad) {
		return
	}
	if k.link != nil {
		k.link.dispatch(ev.Events)
		return
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 || ev.Events&unix.EPOLLIN != 0 && !k.readStray() {
		s.end(k.conn, Gone)
		return
	}
	if ev.Events&unix.EPOLLOUT == 0 {
		return
	}
	if k.sealed != nil {
		if err := k.flushSealed(); err != nil {
			s.end(k.conn, Gone)
			return
		}
	}
	s.ready(k.conn)
}

func (p *poller) add(k *socket) {
	if !p.waiting {
		p.waiting = true
		go p.wait(k.shard())
	}
	p.generation++
	k.generation = p.generation
	for int(k.fd) >= len(p.sockets) {
		p.sockets = append(p.sockets, make([]*socket, max(64, len(p.sockets)))...)
	}
	p.sockets[k.fd] = k
	p.control(unix.EPOLL_CTL_ADD, k, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLET)
}

// awaitRoom notifies the socket's shard once the socket is writable. Registering anew each time makes the kernel check
// again, so no edge is missed.
func (p *poller) awaitRoom(k *socket) {
	p.control(unix.EPOLL_CTL_MOD, k, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET)
}

// control registers a socket with the kernel. If that fails for lack of memory, the stall rule and failing writes
// still find a dead peer.
func (p *poller) control(op int, k *socket, events uint32) {
	_ = unix.EpollCtl(p.epoll, op, int(k.fd), &unix.EpollEvent{Events: events, Fd: k.fd, Pad: int32(k.generation)})
}

// remove forgets a socket that is about to be closed. Closing it would also end the watching, but not the connection
// if the goroutine is just handling it: the kernel would keep the socket until the goroutine's next event.
func (p *poller) remove(k *socket) {
	p.sockets[k.fd] = nil
	p.control(unix.EPOLL_CTL_DEL, k, 0)
}

// close stops the poller. The shard calls it last; a socket that comes later is
// not watched.
func (p *poller) close() {
	close(p.quit)
	if p.waiting {
		_, _ = unix.Write(p.stop, binary.NativeEndian.AppendUint64(nil, 1))
		<-p.stopped
	}
	_ = unix.Close(p.epoll)
	_ = unix.Close(p.stop)
	p.epoll, p.waiting = -1, true
}
