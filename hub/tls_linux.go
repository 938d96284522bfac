package hub

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// sealBytes is how much is encrypted before it is written. A socket that takes no more keeps as much.
const sealBytes = 16 << 10

// sealed is the TLS side of a socket. What the TLS connection writes is collected and then written without blocking; what
// the socket does not take waits here. A TLS connection survives no failed write, so nothing is refused to it.
type sealed struct {
	tls     *tls.Conn
	waiting []byte // encrypted, and not taken by the socket; nil if there is nothing
}

// TLSListener returns a listener like [tls.NewListener], whose connections TakeOver can take.
func TLSListener(l net.Listener, config *tls.Config) net.Listener {
	return tls.NewListener(belowListener{l}, config)
}

type belowListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l belowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		conn = &belowTLS{TCPConn: tcp}
	}
	return conn, err
}

// belowTLS is the connection below a TLS connection: net/http's TCP connection at first, then the socket.
type belowTLS struct {
	*net.TCPConn         // nil once there is a socket
	socket       *socket // nil until the connection is taken over; then all methods are the shard's
}

// Read implements [net.Conn].
func (b *belowTLS) Read(p []byte) (int, error) {
	if b.socket == nil {
		return b.TCPConn.Read(p)
	}
	return b.socket.readCipher(p)
}

// Write implements [net.Conn].
func (b *belowTLS) Write(p []byte) (int, error) {
	if b.socket == nil {
		return b.TCPConn.Write(p)
	}
	poll := b.socket.poll()
	poll.cipher = append(poll.cipher, p...)
	return len(p), nil
}

// SetWriteDeadline implements [net.Conn]. A socket never blocks.
func (b *belowTLS) SetWriteDeadline(t time.Time) error {
	if b.socket == nil {
		return b.TCPConn.SetWriteDeadline(t)
	}
	return nil
}

// seal has the TLS connection use the socket.
func (k *socket) seal(over *tls.Conn) {
	k.sealed = &sealed{tls: over}
	below := over.NetConn().(*belowTLS)
	below.socket, below.TCPConn = k, nil
}

// writeSealed is Write over TLS. What it has taken is encrypted, and written as far as the socket takes it.
func (k *socket) writeSealed(bufs [][]byte) (total int, err error) {
	if err := k.flushSealed(); err != nil {
		return 0, err
	}
	p := k.poll()
	at := 0 // within the first buffer
	for len(bufs) > 0 && k.sealed.waiting == nil {
		p.plain = p.plain[:0]
		for len(bufs) > 0 && len(p.plain) < sealBytes {
			n := min(len(bufs[0])-at, sealBytes-len(p.plain))
			p.plain = append(p.plain, bufs[0][at:at+n]...)
			if at += n; at == len(bufs[0]) {
				bufs, at = bufs[1:], 0
			}
		}
		if _, err := k.sealed.tls.Write(p.plain); err != nil {
			return total, err
		}
		total += len(p.plain)
		if err := k.writeCipher(); err != nil {
			return total, err
		}
	}
	return total, nil
}

// writeCipher writes what was encrypted, behind what waits.
func (k *socket) writeCipher() error {
	p := k.poll()
	rest := p.cipher
	p.cipher = p.cipher[:0]
	if k.sealed.waiting == nil {
		n, err := k.writeRaw(rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		k.sealed.waiting = append(k.sealed.waiting, rest...)
		p.awaitRoom(k)
	}
	return nil
}

// flushSealed writes what waits. If something remains, the poller calls again when there is room.
func (k *socket) flushSealed() error {
	n, err := k.writeRaw(k.sealed.waiting)
	if err != nil || k.sealed.waiting == nil {
		return err
	}
	if k.sealed.waiting = k.sealed.waiting[n:]; len(k.sealed.waiting) == 0 {
		k.sealed.waiting = nil
		return nil
	}
	k.poll().awaitRoom(k)
	return nil
}

// writeRaw returns how much of b the socket took.
func (k *socket) writeRaw(b []byte) (n int, err error) {
	for len(b) > 0 {
		n, err = unix.Write(int(k.fd), b)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, nil
		}
		return max(n, 0), err
	}
	return 0, nil
}

// closeSealed ends TLS in order. It reports whether the socket took everything.
func (k *socket) closeSealed() bool {
	return k.sealed.waiting == nil && k.sealed.tls.CloseWrite() == nil && k.writeCipher() == nil && k.sealed.waiting == nil
}

// errNothing is the error of a socket that has nothing to read. TLS takes an error that is temporary for no end.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// readCipher reads what the client sends, for TLS.
func (k *socket) readCipher(b []byte) (int, error) {
	if k.stray > strayBytes {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := k.readRaw(b)
	if k.link == nil {
		k.stray += int32(n)
	}
	return n, err
}

// readPlain reads data, and writes what TLS itself has to say. Its error is errNothing if there is none.
func (k *socket) readPlain(buf []byte) (int, error) {
	n, err := k.sealed.tls.Read(buf)
	if len(k.poll().cipher) > 0 {
		if e := k.writeCipher(); e != nil {
			return n, e
		}
	}
	return n, err
}

// readSealed is readStray over TLS: it drops data and answers what TLS itself asks for.
func (k *socket) readSealed() bool {
	for {
		if _, err := k.readPlain(k.poll().scratch[:]); err != nil {
			return err == errNothing
		}
	}
}
