package web_test

import (
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"rollcall/web"
)

// serverSockets returns the file descriptors of this process that are the
// server's end of the client's connection.
func (c *tap) serverSockets() []int {
	c.t.Helper()
	client := c.raw.LocalAddr().(*net.TCPAddr).Port
	server := c.raw.RemoteAddr().(*net.TCPAddr).Port
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		c.t.Fatal(err)
	}
	var found []int
	for _, entry := range dir {
		fd, _ := strconv.Atoi(entry.Name())
		peer, err := unix.Getpeername(fd)
		if err != nil {
			continue // no socket, or one that listens
		}
		own, err := unix.Getsockname(fd)
		if err != nil {
			continue
		}
		if portOf(peer) == client && portOf(own) == server {
			found = append(found, fd)
		}
	}
	return found
}

func portOf(a unix.Sockaddr) int {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	return -1
}

// The kernel gives up on a peer that acknowledges nothing, and holds little for
// one that takes nothing.
func TestTransportSocketOptions(t *testing.T) {
	overWays(t, web.Options{}, func(t *testing.T, s *stage) {
		if s.unix || s.wrapped || s.foreign == "bare" {
			t.Skip("nothing can be set up there")
		}
		c := s.open(ask{channels: "a", clientID: "u"})
		c.want("registered")
		fds := c.serverSockets()
		if len(fds) != 1 {
			t.Fatalf("file descriptors %v of the connection", fds)
		}
		// With a heartbeat after 25 s, 45 s are enough to find a dead peer.
		if ms, err := unix.GetsockoptInt(fds[0], unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms <= 0 || ms > 20_000 {
			t.Errorf("TCP_USER_TIMEOUT: %d, %v, want at most 20000", ms, err)
		}
		if s.proto == "HTTP/2.0" {
			return // not taken over
		}
		if n, err := unix.GetsockoptInt(fds[0], unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); err != nil || n <= 0 || n > 64<<10 {
			t.Errorf("TCP_NOTSENT_LOWAT: %d, %v, want at most 65536", n, err)
		}
		unsent := 0
		until(t, "the client's window is full", func() bool {
			s.stall("u", "a", 20_000)
			var err error
			if unsent, err = unix.IoctlGetInt(fds[0], unix.SIOCOUTQNSD); err != nil {
				t.Fatal(err)
			}
			return unsent > 0
		})
		// Of one write the kernel takes as much as began below the mark.
		if unsent > 128<<10 {
			t.Errorf("the kernel holds %d bytes unsent", unsent)
		}
	})
}
