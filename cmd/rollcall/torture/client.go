package torture

import (
	"bufio"
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
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
// events of a stream. Over TLS the stream is one of HTTP/2 if h2 is set.
func (s *stream) run(ctx context.Context, server, path, last string, h2 bool, on func(Message)) (status int) {
	var dialer net.Dialer
	dialing, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	address, secure := strings.CutPrefix(server, "https://")
	conn, err := dialer.DialContext(dialing, "tcp", address)
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
	ask := s.ask
	if secure {
		ask = func(request *http.Request) (*http.Response, error) { return s.askSecurely(request, h2) }
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin(server)+path, nil)
	if err != nil {
		return 0
	}
	request.Host = "localhost"
	if last != "" {
		request.Header["Last-Event-ID"] = []string{last}
	}
	answer, err := ask(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		_ = Scan(answer.Body, on)
	}
	return answer.StatusCode
}

// ask sends the request in clear.
func (s *stream) ask(request *http.Request) (*http.Response, error) {
	if err := request.Write(s.conn); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReaderSize(s, 1024), request)
}

// askSecurely sends the request over TLS.
func (s *stream) askSecurely(request *http.Request, h2 bool) (*http.Response, error) {
	var protocols http.Protocols
	protocols.SetHTTP1(!h2)
	protocols.SetHTTP2(h2)
	config := anyCertificate.Clone()
	if config.NextProtos = []string{"http/1.1"}; h2 {
		config.NextProtos = []string{"h2"}
	}
	transport := &http.Transport{
		Protocols: &protocols, DisableKeepAlives: !h2, ResponseHeaderTimeout: requestTimeout,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn := tls.Client(slowConn{s.conn, s}, config)
			return conn, conn.HandshakeContext(ctx)
		},
	}
	return transport.RoundTrip(request)
}

// slowConn is a stream's connection, which reads as slowly as the stream.
type slowConn struct {
	net.Conn
	s *stream
}

func (c slowConn) Read(p []byte) (int, error) { return c.s.Read(p) }

// anyCertificate trusts all servers: their certificates are made for a run.
var anyCertificate = &tls.Config{InsecureSkipVerify: true}

// origin returns the URL of a server, without a path.
func origin(server string) string {
	if strings.Contains(server, "://") {
		return server
	}
	return "http://" + server
}
