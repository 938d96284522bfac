package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// replacePair puts a new certificate and its key in place of the files, and returns its fingerprint.
func replacePair(t *testing.T, cert, key string) (fingerprint string) {
	t.Helper()
	newCert, newKey := writePair(t)
	for from, to := range map[string]string{newCert: cert, newKey: key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		replaced(t, to, string(text))
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%X", sha256.Sum256(pair.Certificate[0]))
}

// handshake connects to the program anew.
func (p *program) handshake(config *tls.Config) (*tls.Conn, error) {
	p.t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	config.InsecureSkipVerify = config.RootCAs == nil
	conn, err := tls.Dial("tcp", u.Host, config)
	if err == nil {
		p.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// served is the fingerprint of the certificate that new connections get.
func (p *program) served() string {
	p.t.Helper()
	conn, err := p.handshake(&tls.Config{})
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("%X", sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := writePair(t)
	p := serve(t, nil, "--tls-cert="+cert, "--tls-key="+key, "--hsts=1h")
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("logged url %s", p.url)
	}
	for h2, proto := range map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			client := newClient(t, overTLS(h2))
			answer := send(t, t.Context(), client, p.url+"/healthz", "")
			answer.Body.Close()
			if answer.Proto != proto || answer.Header.Get("Strict-Transport-Security") != "max-age=3600" {
				t.Errorf("got %s, %v", answer.Proto, answer.Header)
			}
			s := follow(t, client, p.url+"/subscribe?channels=news")
			ask(t, client, p.url+"/publish", hello).want(t, 200, "")
			if data := s.want("message"); !strings.Contains(data, `"hello"`) {
				t.Errorf("got %s", data)
			}
		})
	}
	for version, wanted := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := p.handshake(&tls.Config{MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
		if (err == nil) != wanted {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil && conn.ConnectionState().NegotiatedProtocol != "h2" {
			t.Errorf("%s: ALPN gives %q", tls.VersionName(version), conn.ConnectionState().NegotiatedProtocol)
		}
	}
	// RC4, 3DES and RSA without forward secrecy are not to be had.
	weak := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}
	if _, err := p.handshake(&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: weak}); err == nil {
		t.Error("a weak suite was taken")
	}
}

// Plain HTTP on a port with TLS gets an explanation, and HSTS is only sent over TLS.
func TestHSTSOverTLSAlone(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--hsts=1h")
	client := newClient(t, nil)
	for _, forged := range []string{"X-Forwarded-Proto: https", "Forwarded: proto=https", "Accept: */*"} {
		if got := ask(t, client, p.url+"/healthz", "", forged).header.Get("Strict-Transport-Security"); got != "" {
			t.Errorf("%s: HSTS is %q in clear", forged, got)
		}
	}
	trusting := serve(t, nil, "--hsts=1h", "--trusted-proxy=127.0.0.1")
	if got := ask(t, client, trusting.url+"/healthz", "", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https").header.Get("Strict-Transport-Security"); got != "max-age=3600" {
		t.Errorf("HSTS is %q behind a proxy with TLS", got)
	}
	plain := serve(t, nil, "--tls-dev")
	if got := ask(t, newClient(t, overTLS(true)), plain.url+"/healthz", "").header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS is %q, unasked", got)
	}
	ask(t, client, strings.Replace(plain.url, "https", "http", 1)+"/healthz", "").want(t, http.StatusBadRequest, "HTTP request to an HTTPS server")
}

// A new certificate applies to new connections; open streams stay. A broken one applies to none.
func TestCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	cert, key := writePair(t)
	p := serve(t, nil, "--tls-cert="+cert, "--tls-key="+key)
	first := p.served()
	client := newClient(t, overTLS(true))
	s := follow(t, client, p.url+"/subscribe?channels=news")

	second := replacePair(t, cert, key)
	p.wantLog("reloaded")
	if got := p.served(); got != second || got == first {
		t.Fatalf("new connections get %s, want %s", got, second)
	}
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]string{"half": string(good[:len(good)/2]), "empty": "", "of another key": func() string {
		other, _ := writePair(t)
		text, _ := os.ReadFile(other)
		return string(text)
	}()} {
		replaced(t, cert, broken)
		got := p.wantLog("the settings were not reloaded; the old ones stay in effect")
		if !strings.Contains(fmt.Sprint(got["error"]), "--tls-cert: ") || got["level"] != "ERROR" {
			t.Errorf("%s: logged %v", name, got)
		}
		if got := p.served(); got != second {
			t.Errorf("%s: new connections get %s, want %s still", name, got, second)
		}
	}
	third := replacePair(t, cert, key)
	p.wantLog("reloaded")
	if got := p.served(); got != third {
		t.Errorf("new connections get %s, want %s", got, third)
	}
	ask(t, client, p.url+"/publish", hello).want(t, 200, "")
	if data := s.want("message"); !strings.Contains(data, `"hello"`) {
		t.Errorf("the stream from before got %s", data)
	}
}

// The certificate for development is good for the names of this machine, and browsers show what is logged.
func TestDevelopmentCertificate(t *testing.T) {
	t.Parallel()
	p := serve(t, nil, "--tls-dev")
	logged := fmt.Sprint(p.wantLog("using a self-signed certificate for this run")["sha256"])
	if got := p.served(); got != logged {
		t.Errorf("the log says %s, served is %s", logged, got)
	}
	conn, err := p.handshake(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(conn.ConnectionState().PeerCertificates[0])
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		conn, err := p.handshake(&tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2"}})
		if err != nil || conn.ConnectionState().NegotiatedProtocol != "h2" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.handshake(&tls.Config{RootCAs: roots, ServerName: "example.org"}); err == nil {
		t.Error("it is good for example.org")
	}
	client := newClient(t, overTLS(true))
	streams := make([]*stream, 8) // more than the six connections that a browser has for one HTTP/1.1 server
	for i := range streams {
		streams[i] = follow(t, client, p.url+"/subscribe?channels=news")
	}
	ask(t, client, p.url+"/publish", hello).want(t, 200, "")
	for _, s := range streams {
		s.want("message")
	}
	other := serve(t, nil, "--tls-dev")
	if other.served() == logged {
		t.Error("the next run has the same certificate")
	}
}
