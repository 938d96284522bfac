package hub

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/hub/eventlog"
)

// patience bounds every wait. Only a failing test reaches it.
const patience = 30 * time.Second

// line is a hub that takes TCP connections over, without HTTP.
type line struct {
	*testing.T
	net net.Listener
	log *eventlog.Memory
	hub *Hub
	tls bool
}

// overLines runs a test in clear and over TLS.
func overLines(t *testing.T, opts Options, test func(t *testing.T, l *line)) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "clear", true: "TLS"}[secure], func(t *testing.T) {
			l := newLine(t, opts)
			l.tls = secure
			test(t, l)
		})
	}
}

func newLine(t *testing.T, opts Options) *line {
	t.Helper()
	l := &line{T: t, net: listen(t), log: eventlog.NewMemory(eventlog.Options{Epoch: "e"})}
	l.hub = New(l.log, opts)
	t.Cleanup(func() {
		l.hub.Close()
		_ = l.log.Close()
	})
	return l
}

// plug is a stream that was taken over, and its client.
type plug struct {
	*line
	client net.Conn
	conn   *Conn
	socket *socket
	owner  *owner
	ended  chan Reason
	wire   wire
}

// listen listens until the end of the test. One listener serves all of it: ports
// are not used again at once.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// pair returns the two ends of a new connection.
func pair(t testing.TB, l net.Listener) (client, server *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// connect returns the two ends of a new connection.
func (l *line) connect() (client, server net.Conn) {
	l.Helper()
	c, s := pair(l, l.net)
	if !l.tls {
		return c, s
	}
	return secure(l, c, s, tls.VersionTLS13)
}

// take takes a new connection over and attaches it.
func (l *line) take(channels ...string) *plug {
	l.Helper()
	client, server := l.connect()
	return l.attach(client, server, channels...)
}

// attach takes a connection over and attaches it.
func (l *line) attach(client, server net.Conn, channels ...string) *plug {
	l.Helper()
	if !l.hub.CanTakeOver(server) {
		l.Fatal("the connection can't be taken over")
	}
	t, err := TakeOver(server, true)
	if err != nil {
		l.Fatal(err)
	}
	p := &plug{line: l, client: client, socket: t.(*socket), ended: make(chan Reason, 2), wire: wire{chunked: true}}
	p.owner = &owner{onEnd: func(_ *Conn, why Reason) { p.ended <- why }}
	p.conn = l.hub.Attach(Subscription{Channels: channels, Transport: t, Owner: p.owner, Greet: greet})
	return p
}

func (l *line) publish(channel, payload string) {
	l.Helper()
	ev := eventlog.Event{Channel: channel, Type: "m", Payload: []byte(payload)}
	if _, err := l.hub.Publish(l.Context(), []eventlog.Event{ev}); err != nil {
		l.Fatal(err)
	}
}

// next returns the next frame in the format of brief.
func (p *plug) next() string {
	p.Helper()
	buf := make([]byte, 1)
	for len(p.wire.frames) == 0 || p.wire.partial() {
		if _, err := io.ReadFull(p.client, buf); err != nil {
			p.Fatalf("no frame: %v", err)
		}
		if p.wire.feed(buf); p.wire.err != nil {
			p.Fatal(p.wire.err)
		}
	}
	f := p.wire.frames[0]
	p.wire.frames = p.wire.frames[1:]
	return brief(p, f)
}

func (p *plug) want(frames ...string) {
	p.Helper()
	for _, f := range frames {
		if got := p.next(); got != f {
			p.Fatalf("got %s, want %s", got, f)
		}
	}
}

func (p *plug) wantEnd(code string) {
	p.Helper()
	select {
	case why := <-p.ended:
		if why.Code != code {
			p.Fatalf("ended as %s, want %s", why.Code, code)
		}
	case <-time.After(patience):
		p.Fatal("has not ended")
	}
}

// onShard runs f on the goroutine of p's shard.
func (p *plug) onShard(f func()) {
	done := make(chan struct{})
	p.conn.shard.post(func() { f(); close(done) })
	<-done
}

func TestCanTakeOver(t *testing.T) {
	l := newLine(t, Options{})
	client, server := pair(t, l.net)
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, c := range []struct {
		name string
		conn net.Conn
		want bool
	}{
		{"TCP", server, true},
		{"TLS", tls.Server(server, &tls.Config{}), false},
		{"wrapped", struct{ net.Conn }{client}, false},
		{"pipe", pipe, false},
		{"unix", &net.UnixConn{}, false},
		{"nil", nil, false},
	} {
		if got := l.hub.CanTakeOver(c.conn); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// What is taken over is the hub's alone, and a closed connection is none's.
func TestTakeOver(t *testing.T) {
	client, server := pair(t, listen(t))
	tr, err := TakeOver(server, false)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Chunked() {
		t.Error("it is chunked")
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection can still be written to: %v", err)
	}
	fd := int(tr.(*socket).fd)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("writing may block: %#x, %v", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("child processes would inherit it: %#x, %v", flags, err)
	}
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the close: %v", err)
	}
	if _, err := TakeOver(server, false); err == nil {
		t.Error("a closed connection was taken over")
	}
}

// One write may have more pieces than the kernel takes at once, and empty ones.
func TestSocketWritesManyPieces(t *testing.T) {
	overLines(t, Options{}, func(t *testing.T, l *line) {
		p := l.take("a")
		p.want("registered@0", "lastEvent a {}@0")
		var bufs [][]byte
		var want []byte
		for i := range 3*maxIovecs + 7 {
			b := []byte(strings.Repeat(strconv.Itoa(i%10), i%5))
			bufs = append(bufs, b)
			want = append(want, b...)
		}
		var n int
		var err error
		p.onShard(func() { n, err = p.socket.Write(bufs) })
		if err != nil || n != len(want) {
			t.Fatalf("%d of %d bytes, %v", n, len(want), err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(p.client, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("other bytes arrive, %v", err)
		}
		for _, none := range [][][]byte{nil, {nil}, {{}, nil, {}}} {
			p.onShard(func() { n, err = p.socket.Write(none) })
			if n != 0 || err != nil {
				t.Errorf("writing nothing: %d, %v", n, err)
			}
		}
	})
}

// Of a write that is too much the socket takes a part and says how much.
func TestSocketTakesAPart(t *testing.T) {
	overLines(t, Options{Stall: patience}, func(t *testing.T, l *line) {
		p := l.take("a")
		p.want("registered@0", "lastEvent a {}@0")
		piece := []byte(strings.Repeat("0123456789abcdef", 1000))
		var took int
		p.onShard(func() {
			for n := -1; n != 0; took += n {
				var err error
				if n, err = p.socket.Write([][]byte{piece[took%16:], nil, piece, piece}); err != nil {
					t.Fatal(err)
				}
			}
		})
		got := make([]byte, took)
		if _, err := io.ReadFull(p.client, got); err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if c != piece[i%len(piece)] {
				t.Fatalf("another byte at %d of %d", i, took)
			}
		}
	})
}

// An event about a socket that is no more is not taken for one about the socket
// that has its descriptor now.
func TestPollerKnowsGenerations(t *testing.T) {
	p := newLine(t, Options{Shards: 1}).take("a")
	p.want("registered@0", "lastEvent a {}@0")
	const all = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLHUP | unix.EPOLLERR | unix.EPOLLRDHUP
	p.onShard(func() {
		k, s := p.socket, p.conn.shard
		for _, ev := range []unix.EpollEvent{
			{Events: all, Fd: k.fd, Pad: int32(k.generation) - 1},
			{Events: all, Fd: k.fd, Pad: int32(k.generation) + 1},
			{Events: all, Fd: k.fd, Pad: 0},
			{Events: all, Fd: k.fd + 1, Pad: int32(k.generation)},
			{Events: all, Fd: 1 << 20, Pad: int32(k.generation)},
		} {
			s.poll.dispatch(s, &ev)
		}
		s.poll.dispatch(s, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: k.fd, Pad: int32(k.generation)})
	})
	p.publish("a", "1")
	p.want("a 1@1")
	if len(p.owner.ended()) > 0 {
		t.Error("it was ended")
	}
}

// A goodbye arrives and the connection ends in order, although the client sent bytes that nobody has read.
func TestSocketGoodbyeBehindStrayData(t *testing.T) {
	overLines(t, Options{}, func(t *testing.T, l *line) {
		for range 50 {
			p := l.take("a")
			p.want("registered@0", "lastEvent a {}@0")
			if _, err := p.client.Write(make([]byte, 3<<10)); err != nil {
				t.Fatal(err)
			}
			p.conn.End(Kicked)
			p.want("goodbye kicked@0")
			if rest, err := io.ReadAll(p.client); err != nil || string(rest) != "0\r\n\r\n" {
				t.Fatalf("behind the goodbye: %q, %v", rest, err)
			}
			p.wantEnd("kicked")
		}
	})
}

// A client may send as much as strayBytes, in whatever parts.
func TestSocketStrayLimit(t *testing.T) {
	l := newLine(t, Options{})
	for i, part := range []int{strayBytes, strayBytes / 2, 1000, 1024, 7} {
		p := l.take("a", strconv.Itoa(i))
		for range 3 {
			p.next()
		}
		for left := strayBytes; left > 0; left -= part {
			if _, err := p.client.Write(make([]byte, min(part, left))); err != nil {
				t.Fatal(err)
			}
		}
		p.publish(strconv.Itoa(i), "1")
		p.next()
		var read int32
		for read < strayBytes { // in its own time
			p.onShard(func() { read = p.socket.stray })
		}
		p.publish(strconv.Itoa(i), "2")
		p.next()
		if _, err := p.client.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		p.wantEnd("gone")
	}
}

// A cut connection does not leave the kernel with what was not sent.
func TestSocketCut(t *testing.T) {
	overLines(t, Options{Stall: patience}, func(t *testing.T, l *line) {
		p := l.take("a")
		p.want("registered@0", "lastEvent a {}@0")
		big := `"` + strings.Repeat("x", 50_000) + `"`
		for stuck := false; !stuck; {
			p.publish("a", big)
			p.onShard(func() { stuck = p.conn.state&blocked != 0 })
		}
		p.conn.End(Kicked)
		p.wantEnd("kicked")
		if _, err := io.Copy(io.Discard, p.client); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a stream that was cut ends with %v, want a reset", err)
		}
	})
}

// Streams that come while the hub closes, or later, are let go of, each once, and
// their connections are closed.
func TestTakenOverWhileClosing(t *testing.T) {
	for i := range 20 {
		l := newLine(t, Options{Shards: 2})
		l.tls = i%2 == 1
		const many = 16
		plugs := make(chan *plug, many)
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for range many {
			client, server := l.connect()
			wg.Go(func() {
				tr, err := TakeOver(server, true)
				if err != nil {
					t.Error(err)
					return
				}
				p := &plug{line: l, client: client, ended: make(chan Reason, 2)}
				p.owner = &owner{onEnd: func(_ *Conn, why Reason) { p.ended <- why }}
				<-begin
				p.conn = l.hub.Attach(Subscription{Channels: []string{"a"}, Transport: tr, Owner: p.owner, Greet: greet})
				plugs <- p
			})
		}
		close(begin)
		l.hub.Close()
		wg.Wait()
		close(plugs)
		for p := range plugs {
			p.wantEnd("draining")
			_, _ = io.Copy(io.Discard, p.client)
			if len(p.owner.ended()) != 1 {
				t.Errorf("ended %v", p.owner.ended())
			}
		}
		if n := l.hub.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	}
}
