package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// browser is an HTTP client that trusts the proxies' certificate and counts its connections.
type browser struct {
	*http.Client
	dials atomic.Int32
}

// newBrowser returns one that comes from this address and speaks HTTP/2, or HTTP/1.1 alone.
func newBrowser(t *testing.T, trust *x509.CertPool, from string, http2 bool) *browser {
	t.Helper()
	b := new(browser)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		ForceAttemptHTTP2: http2,
		TLSClientConfig:   &tls.Config{RootCAs: trust, ServerName: "localhost"},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			b.dials.Add(1)
			return dialer.DialContext(ctx, network, addr)
		},
	}
	b.Client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return b
}

// do sends a request with a key and these headers, in pairs. It is over when the test is, or after patience.
func (b *browser) do(t *testing.T, method, url, key string, body []byte, header ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// publish publishes one event, which must be taken.
func (b *browser) publish(t *testing.T, url, key, channel string, payload any) {
	t.Helper()
	b.batch(t, url, key, map[string]any{"channelName": channel, "type": "message", "payload": payload})
}

func (b *browser) batch(t *testing.T, url, key string, events ...map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		t.Fatal(err)
	}
	answer := b.do(t, http.MethodPost, url+"/publish", key, body, "Content-Type", "application/json")
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		t.Fatalf("publish: %s %s", answer.Status, text)
	}
}

// publish and get are for a server without a proxy.
func publish(t *testing.T, url, key, channel string, payload any) {
	t.Helper()
	newBrowser(t, nil, "127.0.0.1", false).publish(t, url, key, channel, payload)
}

func get(t *testing.T, url, key string) []byte {
	t.Helper()
	answer := newBrowser(t, nil, "127.0.0.1", false).do(t, http.MethodGet, url, key, nil)
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v, %s", url, answer.Status, err, text)
	}
	return text
}

// stream is an open event stream. It belongs to the test's goroutine.
type stream struct {
	*http.Response
	t     *testing.T
	lines *bufio.Reader
	beats int // comment lines so far
}

// event is what a stream brought.
type event struct{ id, kind, data string }

// subscribe opens a stream, which must begin with registered.
func (b *browser) subscribe(t *testing.T, url, key, query string, header ...string) *stream {
	t.Helper()
	header = append([]string{"Accept", "text/event-stream", "Accept-Encoding", "gzip, br, zstd"}, header...)
	answer := b.do(t, http.MethodGet, url+"/subscribe?"+query, key, nil, header...)
	s := &stream{Response: answer, t: t, lines: bufio.NewReader(answer.Body)}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("subscribe: %s, %s", answer.Status, kind)
	}
	if encoding := answer.Header.Get("Content-Encoding"); encoding != "" {
		t.Errorf("the stream is compressed by %s", encoding)
	}
	if e := s.next(); e.kind != "registered" {
		t.Fatalf("a stream begins with %+v, want registered", e)
	}
	return s
}

// read returns the next event, or how the stream ended.
func (s *stream) read() (event, error) {
	var e event
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "":
			if line == "\n" && e.kind != "" {
				return e, nil
			}
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		}
	}
}

// beat reads one line, and counts it if it is a comment.
func (s *stream) beat() {
	s.t.Helper()
	line, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("the stream ended: %v", err)
	}
	if strings.HasPrefix(line, ":") {
		s.beats++
	}
}

func (s *stream) next() event {
	s.t.Helper()
	e, err := s.read()
	if err != nil {
		s.t.Fatalf("the stream ended: %v", err)
	}
	return e
}

// wantPayload reads up to the next event of publishers, which must have this payload.
func (s *stream) wantPayload(want string) event {
	s.t.Helper()
	e := s.next()
	for e.kind == "lastEvent" {
		e = s.next()
	}
	var data struct{ Payload string }
	if err := json.Unmarshal([]byte(e.data), &data); err != nil || data.Payload != want {
		s.t.Fatalf("the stream brought %+v, want the payload %q", e, want)
	}
	return e
}

// writeCertificate makes a certificate for localhost. It returns a pool that trusts it, and the files with it and its
// key.
func writeCertificate(t *testing.T) (trust *x509.CertPool, cert, key, both string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certText := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	trust = x509.NewCertPool()
	trust.AppendCertsFromPEM([]byte(certText))
	return trust, write(t, "cert.pem", certText), write(t, "key.pem", keyText), write(t, "both.pem", fmt.Sprint(certText, keyText))
}
