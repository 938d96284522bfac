package hub

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}}
})

// one is a listener of one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (o one) Accept() (net.Conn, error) { return o.conn, nil }

// secure returns the two ends of a TLS connection over two of TCP.
func secure(t testing.TB, client, server net.Conn, version uint16) (*tls.Conn, *tls.Conn) {
	t.Helper()
	accepted, err := TLSListener(one{conn: server}, testTLS()).Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := accepted.(*tls.Conn)
	c := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	shaken := make(chan error, 1)
	go func() { shaken <- s.HandshakeContext(t.Context()) }()
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return c, s
}

// Events arrive whole and in order, in both versions, at a reader that stops and goes on at any place.
func TestSealedEventsArrive(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			l := newLine(t, Options{Stall: patience})
			c, s := pair(t, l.net)
			_ = s.SetWriteBuffer(8 << 10)
			client, server := secure(t, c, s, version)
			p := l.attach(client, server, "a")
			p.want("registered@0", "lastEvent a {}@0")
			const many = 200
			var stuck int
			for i := range many {
				p.publish("a", `"`+strings.Repeat(strconv.Itoa(i%10), i*i%6_000)+`"`)
				p.onShard(func() {
					if p.socket.sealed.waiting != nil {
						stuck++
					}
				})
			}
			for i := range many {
				p.want(`a "` + strings.Repeat(strconv.Itoa(i%10), i*i%6_000) + `"@` + strconv.Itoa(i+1))
			}
			if stuck == 0 {
				t.Error("the socket took everything at once")
			}
			p.onShard(func() {
				if p.socket.sealed.waiting != nil {
					t.Error("something waits though all of it arrived")
				}
			})
		})
	}
}

// What a client sends is read for TLS's sake and dropped; the sum of it is limited.
func TestSealedStrayLimit(t *testing.T) {
	l := newLine(t, Options{})
	l.tls = true
	p := l.take("a")
	p.want("registered@0", "lastEvent a {}@0")
	if _, err := p.client.Write(make([]byte, strayBytes/2)); err != nil {
		t.Fatal(err)
	}
	p.publish("a", "1")
	p.want("a 1@1")
	_, _ = p.client.Write(make([]byte, strayBytes)) // its end may be cut off
	p.wantEnd("gone")
}

// A client that ends TLS has left, and so has one that sends what is not TLS.
func TestSealedClientLeaves(t *testing.T) {
	l := newLine(t, Options{})
	l.tls = true
	for name, leave := range map[string]func(c *tls.Conn) error{
		"close notify": (*tls.Conn).CloseWrite,
		"end of TCP":   func(c *tls.Conn) error { return c.NetConn().(*net.TCPConn).CloseWrite() },
		"garbage": func(c *tls.Conn) error {
			_, err := c.NetConn().Write(bytes.Repeat([]byte("x"), 100))
			return err
		},
		"a changed record": func(c *tls.Conn) error {
			_, err := c.NetConn().Write(append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := l.take("a")
			p.want("registered@0", "lastEvent a {}@0")
			if err := leave(p.client.(*tls.Conn)); err != nil {
				t.Fatal(err)
			}
			p.wantEnd("gone")
		})
	}
}

// A goodbye is followed by TLS's own end, so that the client can tell it from a cut.
func TestSealedGoodbye(t *testing.T) {
	l := newLine(t, Options{})
	l.tls = true
	p := l.take("a")
	p.want("registered@0", "lastEvent a {}@0")
	p.conn.End(Kicked)
	p.want("goodbye kicked@0")
	if rest, err := io.ReadAll(p.client); err != nil || string(rest) != "0\r\n\r\n" {
		t.Fatalf("behind the goodbye: %q, %v", rest, err)
	}
}

// A record of the client that arrives in parts is one record, and a half one no end.
func TestSealedRecordInParts(t *testing.T) {
	l := newLine(t, Options{})
	c, s := pair(t, l.net)
	slow := &byteWriter{Conn: c}
	client, server := secure(t, slow, s, tls.VersionTLS13)
	p := l.attach(client, server, "a")
	p.want("registered@0", "lastEvent a {}@0")
	slow.each = func() {
		p.onShard(func() {
			if !p.socket.readStray() {
				t.Error("a record in parts is an end")
			}
		})
	}
	if _, err := client.Write([]byte("stray")); err != nil {
		t.Fatal(err)
	}
	p.publish("a", "1")
	p.want("a 1@1")
}

// byteWriter writes bytes one by one and calls each, unless it is nil, after each.
type byteWriter struct {
	net.Conn
	each func()
}

func (w *byteWriter) Write(b []byte) (int, error) {
	if w.each == nil {
		return w.Conn.Write(b)
	}
	for i := range b {
		if _, err := w.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		w.each()
	}
	return len(b), nil
}

// FuzzSealedRead has a client send any bytes below TLS: the stream goes on or ends, and others get their events.
func FuzzSealedRead(f *testing.F) {
	for _, seed := range []string{
		"", "GET / HTTP/1.1\r\n\r\n", "\x15\x03\x03\x00\x02\x01\x00", "\x17\x03\x03\x00\x00", "\x17\x03\x03\xff\xff", "\x14\x03\x03\x00\x01\x01",
		"\x16\x03\x03\x00\x04\x00\x00\x00\x00", strings.Repeat("\x14\x03\x03\x00\x01\x01", 20), strings.Repeat("x", 2*strayBytes),
	} {
		f.Add([]byte(seed))
	}
	log := eventlog.NewMemory(eventlog.Options{Epoch: "e"})
	hub := New(log, Options{Shards: 1})
	f.Cleanup(func() { hub.Close(); _ = log.Close() })
	listener := listen(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		l := &line{T: t, net: listener, log: log, hub: hub, tls: true}
		p, other := l.take("a"), l.take("a")
		for range 2 {
			p.next()
			other.next()
		}
		_, _ = p.client.(*tls.Conn).NetConn().Write(sent)
		l.publish("a", "1")
		for !strings.HasPrefix(other.next(), "a 1@") {
		}
		p.conn.End(Kicked)
		other.conn.End(Kicked)
		<-p.ended
		other.wantEnd("kicked")
	})
}
