package hub

import (
	"crypto/tls"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// Link makes a link of a connection for which CanTakeOver holds. The connection then belongs to the link; conn itself is
// closed, also when it fails for want of a file descriptor. Of a TLS connection, the handshake must be complete. The shard
// calls open, once, for the link's user. The user closes the link before the hub is closed.
func (h *Hub) Link(conn net.Conn, open func(*Link) LinkUser) error {
	t, err := TakeOver(conn, false)
	if err != nil {
		return err
	}
	k := t.(*socket)
	l := &Link{shard: h.nextShard(), socket: k}
	k.link = l
	l.shard.post(func() {
		k.poll().add(k)
		l.user = open(l)
		l.read() // TLS may have read already
	})
	return nil
}

// TLS returns the link's TLS connection, whose state may be read, or nil.
func (l *Link) TLS() *tls.Conn {
	if l.socket.sealed == nil {
		return nil
	}
	return l.socket.sealed.tls
}

// held returns how many bytes wait to be written.
func (l *Link) held() int {
	n := len(l.out)
	if l.socket.sealed != nil {
		n += len(l.socket.sealed.waiting)
	}
	return n
}

// dispatch handles the kernel's events.
func (l *Link) dispatch(events uint32) {
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.close()
		return
	}
	if events&unix.EPOLLOUT != 0 {
		l.flush()
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP) != 0 {
		l.read()
	}
}

// read passes on what has arrived.
func (l *Link) read() {
	buf := l.socket.poll().inputBuffer()
	for range linkTurn {
		if l.state&linkClosed != 0 {
			return
		}
		if l.held() >= linkRoom && l.state&linkWaiting == 0 {
			l.state |= linkPaused
			return
		}
		n, err := l.receive(buf)
		if n > 0 && l.state&linkWaiting == 0 {
			l.user.Received(buf[:n])
		}
		switch {
		case err == errNothing:
			return
		case err != nil:
			l.close()
			return
		}
	}
	l.shard.post(l.read)
}

// receive reads what has arrived. Its error is errNothing if there is nothing.
func (l *Link) receive(buf []byte) (int, error) {
	if l.socket.sealed != nil {
		return l.socket.readPlain(buf)
	}
	return l.socket.readRaw(buf)
}

// readRaw reads from the socket. Its error is errNothing if there is nothing, and io.EOF at the end.
func (k *socket) readRaw(buf []byte) (int, error) {
	for {
		n, err := unix.Read(int(k.fd), buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0, errNothing
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// flush writes what was taken, as far as the socket takes it.
func (l *Link) flush() {
	if l.state&linkClosed != 0 {
		return
	}
	n, err := l.write()
	if err != nil || l.held()-n > linkLimit {
		l.close()
		return
	}
	if n == len(l.out) && l.out != nil {
		l.shard.giveLinkBuffer(l.out)
		l.out = nil
	} else if n > 0 {
		l.out = l.out[:copy(l.out, l.out[n:])]
	}
	if l.held() > 0 {
		return
	}
	if l.state&linkFull != 0 {
		l.state &^= linkFull
		l.user.Writable()
	}
	if l.state&linkPaused != 0 {
		l.state &^= linkPaused
		l.read()
	}
	if l.state&(linkEnding|linkWaiting|linkClosed) == linkEnding && l.out == nil {
		l.state |= linkWaiting
		if l.socket.sealed != nil && !l.socket.closeSealed() || unix.Shutdown(int(l.socket.fd), unix.SHUT_WR) != nil {
			l.close()
		}
	}
}

// write writes l.out and returns how much of it was taken.
func (l *Link) write() (int, error) {
	if len(l.out) == 0 {
		return l.socket.Write(nil) // what was encrypted may wait
	}
	return l.socket.Write([][]byte{l.out})
}

// Close closes the connection: at once, or after everything is written. The peer then closes its side, or the caller calls Close
// again after a while, for a peer may never do.
func (l *Link) Close(cut bool) {
	if cut {
		l.close()
		return
	}
	if !l.Closed() {
		l.state |= linkEnding
		if l.state&linkDirty == 0 {
			l.state |= linkDirty
			l.shard.dirty = append(l.shard.dirty, l)
		}
	}
}

// close closes the connection at once.
func (l *Link) close() {
	if l.state&linkClosed != 0 {
		return
	}
	l.state |= linkClosed
	l.socket.close(l.state&linkWaiting == 0)
	if l.out != nil {
		l.shard.giveLinkBuffer(l.out)
		l.out = nil
	}
	l.user.Lost()
}
