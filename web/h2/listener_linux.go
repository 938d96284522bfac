package h2

import (
	"cmp"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/sys/unix"
)

// hasPreface reports whether a connection begins with HTTP/2's preface. It waits for as much as tells, and leaves it unread.
func (srv *Server) hasPreface(conn *net.TCPConn) (is bool, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false, err
	}
	buf := make([]byte, len(http2.ClientPreface))
	waited := raw.Read(func(fd uintptr) bool {
		n := 0
		for {
			if n, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_PEEK); err != unix.EINTR {
				break
			}
		}
		if err == unix.EAGAIN {
			return false
		}
		is = err == nil && string(buf[:n]) == http2.ClientPreface[:n]
		return !is || n == 0 || n == len(buf) // a part of the preface is no answer yet
	})
	return is && err == nil, cmp.Or(waited, err)
}
