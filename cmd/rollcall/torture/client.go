package torture

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// patience bounds each request, and each step of the recovery after the last fault. Only a failure reaches it.
const patience = 60 * time.Second

// requestTimeout limits a client's requests. It is far above the servers' needs, and lets a round continue if the
// network swallows requests.
const requestTimeout = 10 * time.Second

// newRand returns the random numbers of one of a round's clients.
func newRand(seed uint64, name string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h))
}

// pick returns one of the list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// between returns a duration from least to most.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// Pause waits, and returns false if the context ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stream is a GET over its own connection, with an adjustable reading speed.
type stream struct {
	mu     sync.Mutex
	conn   net.Conn
	ended  bool
	stalls chan time.Duration
}

// drop ends the stream as a network does.
func (s *stream) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// stall has the stream read nothing for a while.
func (s *stream) stall(d time.Duration) {
	select {
	case s.stalls <- d:
	default:
	}
}

// Read reads from the connection.
func (s *stream) Read(p []byte) (int, error) {
	select {
	case d := <-s.stalls:
		timer := time.NewTimer(d)
		defer timer.Stop()
		<-timer.C
	default:
	}
	return s.conn.Read(p)
}

// run requests path from a server, from the position last, and returns the status, 0 without an answer. It reads all
// events of a stream.
func (s *stream) run(ctx context.Context, server, path, last string, on func(Message)) (status int) {
	var dialer net.Dialer
	dialing, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	conn, err := dialer.DialContext(dialing, "tcp", server)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(8 << 10)
	s.mu.Lock()
	s.conn = conn
	ended := s.ended
	s.mu.Unlock()
	if ended {
		return 0
	}
	stop := context.AfterFunc(ctx, s.drop)
	defer stop()
	header := ""
	if last != "" {
		header = "Last-Event-ID: " + last + "\r\n"
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, header)
	answer, err := http.ReadResponse(bufio.NewReaderSize(s, 1024), nil)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		_ = Scan(answer.Body, on)
	}
	return answer.StatusCode
}
