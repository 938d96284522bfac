package jetlog

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// relay stands between links and a NATS server. A test sees, holds, changes, drops or
// adds messages on their way.
type relay struct {
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	backend string
	ask     change // what goes to the server
	tell    change // what goes to a link
	conns   []net.Conn
	closed  bool
}

// change returns what goes on in place of a message. Messages to and from one link are
// changed one after the other, in order.
type change func(m *nats.Msg) []*nats.Msg

// newRelay starts a relay in front of the server at the URL until the test's end.
func newRelay(t testing.TB, url string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	r := &relay{listener: listener}
	r.use(url)
	r.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.cut()
		r.running.Wait()
	})
	return r
}

// use takes the server at the URL for the one behind the relay, from the next
// connection on.
func (r *relay) use(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backend = strings.TrimPrefix(url, "nats://")
}

// between sets what is done with messages on their way.
func (r *relay) between(ask, tell change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ask, r.tell = ask, tell
}

// cut ends all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

// link links to the relay until the test's end.
func (r *relay) link(t testing.TB) *Link {
	t.Helper()
	l, err := Connect("nats://"+r.listener.Addr().String(), ConnectOptions{Log: quiet})
	check(t, err)
	t.Cleanup(func() { closeLink(t, l) })
	return l
}

// serve passes on what comes on a connection until one side ends it.
func (r *relay) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	r.mu.Lock()
	backend := r.backend
	r.mu.Unlock()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	r.mu.Lock()
	r.conns = append(r.conns, client, server)
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return
	}
	var both sync.WaitGroup
	copying := func(to, from net.Conn, current func() change) {
		defer func() { _, _ = to.Close(), from.Close() }()
		in := bufio.NewReader(from)
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			out, err := frame(line, in, current)
			if err != nil {
				return
			}
			if _, err := to.Write(out); err != nil {
				return
			}
		}
	}
	both.Go(func() { copying(server, client, func() change { r.mu.Lock(); defer r.mu.Unlock(); return r.ask }) })
	both.Go(func() { copying(client, server, func() change { r.mu.Lock(); defer r.mu.Unlock(); return r.tell }) })
	both.Wait()
}

// frame returns what goes on in place of a line of NATS's protocol and its payload.
func frame(line []byte, in *bufio.Reader, current func() change) ([]byte, error) {
	line = bytes.Clone(line)
	f := strings.Fields(string(line))
	if len(f) == 0 || f[0] != "PUB" && f[0] != "HPUB" && f[0] != "MSG" && f[0] != "HMSG" {
		return line, nil
	}
	verb, f := f[0], f[1:]
	m := &nats.Msg{Subject: f[0]}
	sid, head := "", 0
	size, _ := strconv.Atoi(f[len(f)-1])
	rest := f[1 : len(f)-1] // [sid] [reply] [size of the header]
	if verb[0] == 'H' {
		head, _ = strconv.Atoi(rest[len(rest)-1])
		rest = rest[:len(rest)-1]
	}
	if strings.HasSuffix(verb, "MSG") {
		sid, rest = rest[0]+" ", rest[1:]
	}
	if len(rest) > 0 {
		m.Reply = rest[0]
	}
	body := make([]byte, size+2)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	change := current()
	if change == nil {
		return append(line, body...), nil
	}
	m.Data = body[head:size]
	if head > 0 {
		var err error
		if m.Header, err = nats.DecodeHeadersMsg(body[:head]); err != nil {
			return nil, err
		}
	}
	var out []byte
	for _, m := range change(m) {
		var header []byte
		if len(m.Header) > 0 {
			header = []byte("NATS/1.0\r\n")
			for key, values := range m.Header {
				for _, v := range values {
					header = fmt.Appendf(header, "%s: %s\r\n", key, v)
				}
			}
			header = append(header, "\r\n"...)
		}
		reply := m.Reply
		if reply != "" {
			reply += " "
		}
		plain := strings.TrimPrefix(verb, "H")
		if len(header) > 0 {
			out = fmt.Appendf(out, "H%s %s %s%s%d %d\r\n", plain, m.Subject, sid, reply, len(header), len(header)+len(m.Data))
		} else {
			out = fmt.Appendf(out, "%s %s %s%s%d\r\n", plain, m.Subject, sid, reply, len(m.Data))
		}
		out = append(append(append(out, header...), m.Data...), "\r\n"...)
	}
	return out, nil
}

// is reports whether a message asks for the function of the JetStream API.
func is(m *nats.Msg, function string) bool {
	return strings.HasPrefix(m.Subject, "$JS.API."+function+".")
}
