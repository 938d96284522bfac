package web_test

import (
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
// heartbeat that it does not acknowledge. The clients are in a network of their
// own, which is then made to swallow every packet. It takes some 20 s of doing
// nothing, and root.
func TestTransportSilentDeath(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	t.Parallel()
	far, err := newFarNetwork(t)
	if err != nil {
		t.Skipf("needs root and ip(8): %v", err)
	}
	var stages []*stage
	for _, w := range ways {
		if w.unix || w.wrapped || w.foreign == "bare" {
			continue // sockets can't be set up there
		}
		w.host = far.near
		s := w.start(t, web.Options{Heartbeat: time.Second})
		stages = append(stages, s)
		raw, err := far.dial(s.addr)
		if err != nil {
			t.Fatal(err)
		}
		c := s.tap(raw)
		c.secure(s)
		c.open(s, ask{channels: "a", clientID: w.name})
		c.want("registered")
		c.want("lastEvent")
	}
	far.die()
	for _, s := range stages {
		s.wantEnd(s.name, "gone")
		s.wantGone(url.PathEscape(s.name))
	}
}

// farNetwork is a network namespace on a cable to this one.
type farNetwork struct {
	t         *testing.T
	name      string
	near, far string // addresses
	nearEnd   string // of the cable
}

func newFarNetwork(t *testing.T) (*farNetwork, error) {
	n := os.Getpid() % (1 << 14)
	f := &farNetwork{t: t, name: fmt.Sprint("rollcall", n), nearEnd: fmt.Sprint("rollcall", n)}
	// 198.18.0.0/15 is for tests of networks (RFC 2544).
	net4 := func(host int) string { return fmt.Sprintf("198.18.%d.%d", n>>6, n<<2&255+host) }
	f.near, f.far = net4(1), net4(2)
	if err := ip("netns add " + f.name); err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = ip("netns del " + f.name) }) // and with it the cable
	for _, command := range []string{
		"link add " + f.nearEnd + " type veth peer name far netns " + f.name,
		"addr add " + f.near + "/30 dev " + f.nearEnd,
		"link set " + f.nearEnd + " up",
		"-n " + f.name + " addr add " + f.far + "/30 dev far",
		"-n " + f.name + " link set far up",
	} {
		if err := ip(command); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// die drops the packets of both ends.
func (f *farNetwork) die() {
	f.t.Helper()
	for _, command := range []string{
		"neigh replace " + f.far + " lladdr 02:00:00:00:00:01 nud permanent dev " + f.nearEnd,
		"-n " + f.name + " neigh replace " + f.near + " lladdr 02:00:00:00:00:01 nud permanent dev far",
	} {
		if err := ip(command); err != nil {
			f.t.Fatal(err)
		}
	}
}

// dial connects from the far network.
func (f *farNetwork) dial(to net.Addr) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var ns *os.File
		if ns, err = os.Open("/run/netns/" + f.name); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = net.DialTimeout(to.Network(), to.String(), patience)
		}
	}()
	<-done
	return conn, err
}

func ip(command string) error {
	out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %v %s", command, err, strings.TrimSpace(string(out)))
	}
	return nil
}
