package web_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/web"
)

// A client that dies without a word, as when its cable is pulled, is found: by the
// heartbeat that it does not acknowledge. The clients are at the other end
// of a cable, which is then made to swallow every packet. It takes some 20 s of doing
// nothing, and root.
func TestTransportSilentDeath(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	t.Parallel()
	c, err := newCable(t)
	if err != nil {
		t.Skipf("needs root and ip(8): %v", err)
	}
	var stages []*stage
	for _, w := range ways {
		if w.unix || w.wrapped || w.foreign == "bare" {
			continue // sockets can't be set up there
		}
		w.listen = c.listen
		s := w.start(t, web.Options{Heartbeat: time.Second})
		stages = append(stages, s)
		raw, err := c.dial(s.addr)
		if err != nil {
			t.Fatal(err)
		}
		peer := s.tap(raw)
		peer.secure(s)
		peer.open(s, ask{channels: "a", clientID: w.name})
		peer.want("registered")
		peer.want("lastEvent")
	}
	c.cut()
	for _, s := range stages {
		s.wantEnd(s.name, "gone")
		s.wantGone(url.PathEscape(s.name))
	}
}

// cable connects two network namespaces, neither of which is the test's own: a browser reloads its pages when a network comes, and
// the tests of browsers run beside this one.
type cable struct {
	t         *testing.T
	near, far string // namespaces
}

// The ends' addresses. 198.18.0.0/15 is for tests of networks (RFC 2544).
const nearAddress, farAddress = "198.18.0.1", "198.18.0.2"

func newCable(t *testing.T) (*cable, error) {
	name := fmt.Sprint("rollcall", os.Getpid())
	c := &cable{t, name + "near", name + "far"}
	for _, name := range []string{c.near, c.far} {
		if err := ip("netns add " + name); err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = ip("netns del " + name) })
	}
	for _, command := range []string{
		"-n " + c.near + " link add end type veth peer name end netns " + c.far,
		"-n " + c.near + " addr add " + nearAddress + "/30 dev end",
		"-n " + c.near + " link set end up",
		"-n " + c.far + " addr add " + farAddress + "/30 dev end",
		"-n " + c.far + " link set end up",
	} {
		if err := ip(command); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// cut drops the packets of both ends.
func (c *cable) cut() {
	c.t.Helper()
	for _, command := range []string{
		"-n " + c.near + " neigh replace " + farAddress + " lladdr 02:00:00:00:00:01 nud permanent dev end",
		"-n " + c.far + " neigh replace " + nearAddress + " lladdr 02:00:00:00:00:01 nud permanent dev end",
	} {
		if err := ip(command); err != nil {
			c.t.Fatal(err)
		}
	}
}

// listen listens at the near end.
func (c *cable) listen() (l net.Listener, err error) {
	inside := within(c.near, func() { l, err = net.Listen("tcp", nearAddress+":0") })
	return l, errors.Join(inside, err)
}

// dial connects from the far end.
func (c *cable) dial(to net.Addr) (conn net.Conn, err error) {
	inside := within(c.far, func() { conn, err = net.DialTimeout(to.Network(), to.String(), patience) })
	return conn, errors.Join(inside, err)
}

// within calls f in a network namespace. Sockets stay in the one that they were made in.
func within(name string, f func()) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		ns, err := os.Open("/run/netns/" + name)
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
			ns.Close()
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	return <-done
}

func ip(command string) error {
	out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %v %s", command, err, strings.TrimSpace(string(out)))
	}
	return nil
}
