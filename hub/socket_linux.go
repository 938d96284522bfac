package hub

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unsentBytes bounds the bytes in the kernel that the peer's window does not allow to be sent yet. Writing to a socket
// whose reader has stopped costs several times as much, so it should be noticed soon.
const unsentBytes = 16 << 10

// strayBytes limits what a client may send on its stream, where nothing is expected.
const strayBytes = 4 << 10

// socket is a TCP connection that the shard writes to itself, without blocking:
// it has no goroutine and no buffers. All its methods are the shard's.
type socket struct {
	fd         int32
	generation uint32 // distinguishes this socket's events from those of an earlier one with the same fd
	stray      int32
	chunked    bool
	conn       *Conn   // nil of a link
	link       *Link   // nil of a stream
	sealed     *sealed // nil in clear
}

var _ Transport = (*socket)(nil)

// CanTakeOver reports whether a transport of TakeOver can be attached to the hub
// for conn: on Linux, a TCP connection, or a TLS connection of a [TLSListener].
func (h *Hub) CanTakeOver(conn net.Conn) bool {
	ok := tcpOf(conn) != nil
	for _, s := range h.shards {
		ok = ok && s.poll != nil
	}
	return ok
}

// TakeOver makes a Transport of a TCP connection hijacked from net/http, which
// then belongs to the Transport; conn itself is closed, also when it fails for
// want of a file descriptor. chunked is whether the body is to be framed as
// HTTP/1.1 chunks.
func TakeOver(conn net.Conn, chunked bool) (Transport, error) {
	tcp := tcpOf(conn)
	defer tcp.Close() // removes it from the runtime's poller; the duplicate keeps the connection
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	err = raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
	k := &socket{fd: int32(fd), chunked: chunked}
	if over, ok := conn.(*tls.Conn); ok {
		k.seal(over)
	}
	return k, nil
}

// tcpOf returns the TCP connection that can be taken over for conn, nil if there is none.
func tcpOf(conn net.Conn) *net.TCPConn {
	if over, ok := conn.(*tls.Conn); ok {
		if below, ok := over.NetConn().(*belowTLS); ok {
			return below.TCPConn
		}
		return nil
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}

func (k *socket) shard() *shard {
	if k.link != nil {
		return k.link.shard
	}
	return k.conn.shard
}

func (k *socket) poll() *poller { return k.shard().poll }

// Open implements [Transport].
func (k *socket) Open(c *Conn) {
	k.conn = c
	k.poll().add(k)
}

// Chunked implements [Transport].
func (k *socket) Chunked() bool { return k.chunked }

// Write implements [Transport].
func (k *socket) Write(bufs [][]byte) (int, error) {
	if k.sealed != nil {
		return k.writeSealed(bufs)
	}
	total := 0
	for len(bufs) > 0 {
		iov := k.poll().iov[:0]
		size := 0
		for len(bufs) > 0 && len(iov) < cap(iov) {
			if b := bufs[0]; len(b) > 0 {
				iov = append(iov, unix.Iovec{Base: &b[0], Len: uint64(len(b))})
				size += len(b)
			}
			bufs = bufs[1:]
		}
		if size == 0 {
			break
		}
		n, err := k.writev(iov)
		if n > 0 {
			total += n
		}
		switch {
		case err == unix.EAGAIN:
			k.poll().awaitRoom(k)
			return total, nil
		case err != nil:
			return total, err
		case n < size:
			k.poll().awaitRoom(k)
			return total, nil
		}
	}
	return total, nil
}

func (k *socket) writev(iov []unix.Iovec) (int, error) {
	for {
		var n uintptr
		var errno syscall.Errno
		if len(iov) == 1 {
			n, _, errno = syscall.Syscall(unix.SYS_WRITE, uintptr(k.fd), uintptr(unsafe.Pointer(iov[0].Base)), uintptr(iov[0].Len))
		} else {
			n, _, errno = syscall.Syscall(unix.SYS_WRITEV, uintptr(k.fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		}
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// Close implements [Transport].
func (k *socket) Close(cut bool) {
	if !cut {
		k.readStray() // closing with something unread would take the goodbye back
	}
	k.close(cut || k.sealed != nil && !k.closeSealed())
}

// close closes the socket. With cut, what was not sent is discarded.
func (k *socket) close(cut bool) {
	if cut {
		// The kernel would keep it for a peer that reads nothing.
		_ = unix.SetsockoptLinger(int(k.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	k.poll().remove(k)
	_ = unix.Close(int(k.fd))
}

// readStray reads and drops the client's bytes. It reports whether the client is still connected and within bounds.
func (k *socket) readStray() bool {
	if k.sealed != nil {
		return k.readSealed()
	}
	for k.stray <= strayBytes {
		n, err := unix.Read(int(k.fd), k.poll().scratch[:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return true
		case err != nil || n == 0:
			return false
		default:
			k.stray += int32(n)
		}
	}
	return false
}
