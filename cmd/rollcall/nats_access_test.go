package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	var der []byte
	der, a.key = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = newFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return a
}

// sign signs a certificate with a new key; the authority's first one signs itself.
func (a *authority) sign(c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// pair returns the files of a certificate for 127.0.0.1 and of its key.
func (a *authority) pair() (cert, key string) {
	a.t.Helper()
	der, private := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "somebody"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	cert = newFile(a.t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return cert, newFile(a.t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})))
}

// wantRefused checks that a server does not start with these settings, and says why, long before it would give up a NATS
// that does not answer.
func wantRefused(t *testing.T, says string, args ...string) {
	t.Helper()
	cmd := command(t, nil, append([]string{"serve", "--listen=127.0.0.1:0"}, args...)...)
	killer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != 1 && got != 2 || !strings.Contains(strings.ToLower(string(out)), strings.ToLower(says)) {
		t.Errorf("exit code %d with\n%s\nwant it to say %q", got, out, says)
	}
}

// wantWorking checks that a server on the event store takes events.
func wantWorking(t *testing.T, args ...string) *node {
	t.Helper()
	n := newNode(t, args...)
	n.publish("news", "message", "hello")
	if got := ready(patient(t), n.url); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	return n
}

func TestNATSWithTLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.pair()
	f := preparedFleet(t, 1)
	conf, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: ca.file, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	conf.MinVersion = tls.VersionTLS12
	f.opts[0].TLSConfig, f.opts[0].TLSVerify = conf, true
	f.start(0)
	f.ready()
	plain := newFleet(t, 1)

	cert, key = ca.pair()
	strange, strangeKey := other.pair()
	url := "--nats=" + strings.Replace(f.url(0), "nats://", "tls://", 1)
	wantWorking(t, url, "--nats-ca="+ca.file, "--nats-cert="+cert, "--nats-key="+key)
	tests := map[string]struct {
		says string
		args []string
	}{
		"a CA that is not known":             {"certificate signed by unknown authority", []string{url, "--nats-cert=" + cert, "--nats-key=" + key}},
		"another CA":                         {"certificate signed by unknown authority", []string{url, "--nats-ca=" + other.file, "--nats-cert=" + cert, "--nats-key=" + key}},
		"no client certificate":              {"NATS refuses the connection: remote error: tls", []string{url, "--nats-ca=" + ca.file}},
		"a client certificate of a stranger": {"NATS refuses the connection: remote error: tls", []string{url, "--nats-ca=" + ca.file, "--nats-cert=" + strange, "--nats-key=" + strangeKey}},
		"a key of another certificate":       {"--nats-cert: tls: private key does not match", []string{url, "--nats-cert=" + cert, "--nats-key=" + strangeKey}},
		"a NATS without TLS":                 {"secure connection not available", []string{"--nats=" + plain.url(0), "--nats-ca=" + ca.file}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); wantRefused(t, test.says, test.args...) })
	}
}

// operator signs the accounts of a NATS server.
type operator struct {
	t       *testing.T
	account nkeys.KeyPair
}

// trust makes the server trust a new operator, which has one account with JetStream.
func (f *fleet) trust() *operator {
	f.t.Helper()
	must := func(key nkeys.KeyPair, err error) (nkeys.KeyPair, string) {
		f.t.Helper()
		if err != nil {
			f.t.Fatal(err)
		}
		name, err := key.PublicKey()
		if err != nil {
			f.t.Fatal(err)
		}
		return key, name
	}
	root, rootName := must(nkeys.CreateOperator())
	account, accountName := must(nkeys.CreateAccount())
	_, systemName := must(nkeys.CreateAccount())
	claims := jwt.NewOperatorClaims(rootName)
	claims.SystemAccount = systemName
	resolver := new(server.MemAccResolver)
	for _, name := range []string{accountName, systemName} {
		c := jwt.NewAccountClaims(name)
		if name == accountName {
			c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := c.Encode(root)
		if err == nil {
			err = resolver.Store(name, text)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	f.opts[0].TrustedOperators, f.opts[0].SystemAccount, f.opts[0].AccountResolver = []*jwt.OperatorClaims{claims}, systemName, resolver
	return &operator{f.t, account}
}

// creds returns the file of a new user's credentials.
func (o *operator) creds(edit func(*jwt.UserClaims)) string {
	o.t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		o.t.Fatal(err)
	}
	name, _ := user.PublicKey()
	seed, _ := user.Seed()
	claims := jwt.NewUserClaims(name)
	if edit != nil {
		edit(claims)
	}
	text, err := claims.Encode(o.account)
	if err != nil {
		o.t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(text, seed)
	if err != nil {
		o.t.Fatal(err)
	}
	return newFile(o.t, "user.creds", string(file))
}

func TestNATSWithCredentials(t *testing.T) {
	t.Parallel()
	f := preparedFleet(t, 1)
	o, stranger := f.trust(), preparedFleet(t, 1).trust()
	f.start(0)
	f.ready()
	url := "--nats=" + f.url(0)
	wantWorking(t, url, "--nats-creds="+o.creds(nil))
	expired := func(c *jwt.UserClaims) { c.Expires = time.Now().Add(-time.Hour).Unix() }
	empty := newFile(t, "empty", "")
	missing := filepath.Join(t.TempDir(), "missing")
	tests := map[string]struct {
		says string
		args []string
	}{
		"none":         {"NATS refuses the connection: nats: authorization violation", []string{url}},
		"a stranger's": {"NATS refuses the connection: nats: authorization violation", []string{url, "--nats-creds=" + stranger.creds(nil)}},
		"expired":      {"NATS refuses the connection: nats: authorization violation", []string{url, "--nats-creds=" + o.creds(expired)}},
		"empty":        {empty + " has no NATS credentials", []string{url, "--nats-creds=" + empty}},
		"missing":      {"--nats-creds: open " + missing, []string{url, "--nats-creds=" + missing}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); wantRefused(t, test.says, test.args...) })
	}
}

// A password that NATS does not take any more makes the server degraded, however often it tries, until NATS takes it again.
func TestNATSPasswordChanges(t *testing.T) {
	t.Parallel()
	f := preparedFleet(t, 1)
	f.opts[0].Username, f.opts[0].Password = "rollcall", "correct"
	f.start(0)
	f.ready()
	p := newProxy(t, f.url(0))
	with := func(url, password string) string {
		return "--nats=" + strings.Replace(url, "nats://", "nats://rollcall:"+password+"@", 1)
	}
	wantRefused(t, "NATS refuses the connection: nats: authorization violation", with(f.url(0), "wrong"))
	n := wantWorking(t, with(p.url(), "correct"), "--admin-user=ops", "--admin-password=correct horse")
	ops := logIn(t, n.url, "ops", "correct horse")

	f.stop(0)
	f.opts[0].Password = "another"
	f.start(0)
	client := patient(t)
	var page string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page is:\n%s", page)
		}
	})
	until(t, "the server says that NATS refuses it", func() bool {
		page = ask(t, ops, n.url+"/admin/server", "").body
		return strings.Contains(page, "authorization violation")
	})
	tries := p.Taken()
	until(t, "it tries on", func() bool { return p.Taken() > tries+3 })
	f.stop(0)
	f.opts[0].Password = "correct"
	f.start(0)
	until(t, "it is ready", func() bool { return ready(client, n.url) == http.StatusOK })
	n.publish("news", "message", "hello again")
}
