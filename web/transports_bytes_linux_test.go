package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/web"
)

// dialTiny connects with the smallest window and segments there are, so that the
// server's writes are taken in small parts.
func (s *stage) dialTiny() *tap {
	s.Helper()
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		ctlErr := raw.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 536))
		})
		return errors.Join(ctlErr, err)
	}}
	conn, err := d.Dial(s.addr.Network(), s.addr.String())
	if err != nil {
		s.Fatal(err)
	}
	return s.tap(conn)
}

// moodyReader reads pieces of random sizes and now and then waits for a signal or the end.
type moodyReader struct {
	r      io.Reader
	rnd    *rand.Rand
	next   <-chan struct{}
	did    chan struct{} // gets a value at every read if it has room
	pieces int
}

func (m *moodyReader) Read(p []byte) (int, error) {
	if m.next != nil && m.rnd.IntN(6) == 0 {
		<-m.next
	}
	m.pieces++
	n, err := m.r.Read(p[:min(len(p), 1+m.rnd.IntN(1<<m.rnd.IntN(13)))])
	select {
	case m.did <- struct{}{}:
	default:
	}
	return n, err
}

// A stream whose every write is taken in small parts, and which falls behind and
// catches up all the time, is to the byte what one would be that takes everything.
func TestTransportBytesAfterPartialWrites(t *testing.T) {
	t.Parallel()
	for _, w := range []way{ways[0], ways[1], ways[len(ways)-1]} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			// A window as tiny as this one's can have the kernel sit on the last bytes for long; a
			// heartbeat gets them going.
			s := w.start(t, web.Options{HistoryEvents: 1 << 20, HistoryBytes: 64 << 20, StallTimeout: patience, Heartbeat: time.Second})
			c := s.dialTiny()
			if _, err := io.WriteString(c.conn, s.request(ask{channels: "a,b", clientID: "u"})); err != nil {
				t.Fatal(err)
			}
			tick := make(chan struct{}, 1)
			moody := &moodyReader{r: c.conn, rnd: rnd, did: make(chan struct{}, 1)}
			c.conn = readConn{c.raw, moody}
			c.readStream(s.proto)
			moody.next = tick
			hash := sha256.New()

			// For half of the time the publisher lets the reader come nearer. Neither waits for the
			// other for good: what a stream is behind by is there to be read.
			behind, abreast := 0, 0
			published, failed := make(chan []post, 1), make(chan struct{})
			defer func() {
				close(failed)
				for range published { // has ended then
				}
			}()
			go func() {
				defer close(tick)
				defer close(published)
				rnd := rand.New(rand.NewPCG(seed, 1))
				var all []post
				for i := range 250 {
					batch := make([]post, 1+rnd.IntN(4))
					for j := range batch {
						batch[j] = say([]string{"a", "b"}[rnd.IntN(2)], strconv.Itoa(i)+strings.Repeat("é\n", rnd.IntN(1<<rnd.IntN(14))))
					}
					all = append(all, s.publish(batch...)...)
					for left := rnd.IntN(60); ; left-- {
						select {
						case tick <- struct{}{}:
						default:
						}
						now, _ := s.connection("u")
						if behind = max(behind, now.Behind); now.Behind == 0 {
							abreast++
						}
						if left <= 0 || now.Behind == 0 || i/25%2 == 0 {
							break
						}
						select {
						case <-moody.did:
						case <-failed:
							return
						}
					}
				}
				published <- append(all, s.publish(say("a", "the end"))...)
			}()

			for n := 0; ; n++ {
				e, err := c.next()
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 && e.typ != "registered" || (n == 1 || n == 2) && e.typ != "lastEvent" {
					t.Fatalf("event %d is %s", n, brief(e))
				}
				if n > 2 && !strings.HasPrefix(e.raw, ":") {
					io.WriteString(hash, e.raw)
				}
				if e.typ == "message" && e.post(t).Payload == "the end" {
					break
				}
			}
			all := <-published
			if behind < 10 || abreast < 10 {
				t.Errorf("it was never more than %d events behind and abreast %d times; nothing is proven", behind, abreast)
			}
			wanted := sha256.New()
			total := 0
			for _, text := range s.frames("a", "b") {
				total += len(text)
				io.WriteString(wanted, text)
			}
			if string(hash.Sum(nil)) != string(wanted.Sum(nil)) {
				t.Errorf("other bytes than published, %d in %d events", total, len(all))
			}
			t.Logf("%d bytes in %d reads, at most %d events behind, abreast %d times", total, moody.pieces, behind, abreast)
			s.call("DELETE", "/presence/clients/u", nil, nil)
			c.want("goodbye").goodbye(t, "kicked")
			c.wantEnd()
		})
	}
}

// frames returns what the events of these channels are on the wire, in order of
// the log, made of what the server says of its history.
func (s *stage) frames(channels ...string) []string {
	s.Helper()
	type event struct {
		ID, ChannelName, Type, Timestamp string
		Payload                          json.RawMessage
	}
	bySeq := make(map[uint64]string)
	var order []uint64
	for _, channel := range channels {
		for after := ""; ; {
			var page struct {
				Events []event
				Next   string
			}
			s.call("GET", "/history?limit=1000&channel="+channel+"&after="+after, nil, &page)
			for _, e := range page.Events {
				n := post{ID: e.ID}.seq(s)
				order = append(order, n)
				bySeq[n] = fmt.Sprintf("id: %s\nevent: %s\ndata: {\"channelName\":%q,\"type\":%q,\"payload\":%s,\"timestamp\":%q}\n\n",
					e.ID, e.Type, e.ChannelName, e.Type, e.Payload, e.Timestamp)
			}
			if after = page.Next; len(page.Events) == 0 {
				break
			}
		}
	}
	slices.Sort(order)
	texts := make([]string, len(order))
	for i, n := range order {
		texts[i] = bySeq[n]
	}
	return texts
}
