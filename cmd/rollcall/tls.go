package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"time"

	"rollcall/web"
)

// TLSFlags are the settings of TLS.
type TLSFlags struct {
	TLSCert string   `group:"tls" name:"tls-cert" placeholder:"FILE" help:"Serve TLS, with HTTP/2, with the certificate chain in this PEM file. Changes take effect at run time."`
	TLSKey  string   `group:"tls" name:"tls-key" placeholder:"FILE" help:"The private key of that certificate."`
	TLSDev  bool     `group:"tls" name:"tls-dev" help:"Serve TLS with a self-signed certificate for this run, for development: accept it in the browser. HTTP/2 then has no limit of six streams."`
	HSTS    Duration `group:"tls" name:"hsts" default:"0" placeholder:"DURATION" help:"Tell browsers to use only TLS for this long (HSTS). 0: don't."`
}

// check reports errors in the settings.
func (t *TLSFlags) check(p *problems) {
	switch {
	case t.TLSDev && (t.TLSCert != "" || t.TLSKey != ""):
		p.add("tls-dev", "it creates its own certificate; remove tls-cert and tls-key")
	case (t.TLSCert == "") != (t.TLSKey == ""):
		p.add("tls-cert", "tls-cert and tls-key must be set together")
	case t.TLSCert != "":
		if _, err := tls.LoadX509KeyPair(t.TLSCert, t.TLSKey); err != nil {
			p.add("tls-cert", "%v", err)
		}
	}
	within(p, "hsts", t.HSTS, 0, Duration(10*365*24*time.Hour))
}

// certificate holds the certificate that is served now.
type certificate struct {
	now atomic.Pointer[tls.Certificate]
}

// load takes the certificate that the settings name, or makes one.
func (c *certificate) load(t *TLSFlags) error {
	pair, err := developmentPair, error(nil)
	if t.TLSCert != "" {
		pair = func() (tls.Certificate, error) { return tls.LoadX509KeyPair(t.TLSCert, t.TLSKey) }
	}
	cert, err := pair()
	if err != nil {
		return fmt.Errorf("--tls-cert: %w", err)
	}
	c.now.Store(&cert)
	return nil
}

// listen wraps a listener in TLS 1.2 or newer with Go's own choice of suites.
func (c *certificate) listen(l net.Listener, noHTTP2 bool) net.Listener {
	protocols := []string{"h2", "http/1.1"}
	if noHTTP2 {
		protocols = protocols[1:]
	}
	return web.TLSListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	})
}

// fingerprint is the certificate's SHA-256, as browsers show it.
func (c *certificate) fingerprint() string {
	return fmt.Sprintf("%X", sha256.Sum256(c.now.Load().Certificate[0]))
}

// developmentPair makes a certificate for this machine's names, good for 30 days.
func developmentPair() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Rollcall for development"},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 30),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil {
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
