package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"

	"rollcall/web/auth"
)

func TestPublicKeyFiles(t *testing.T) {
	rsaDER, err1 := x509.MarshalPKIXPublicKey(rsaKey().Public())
	ecDER, err2 := x509.MarshalPKIXPublicKey(ecKey().Public())
	edDER, err3 := x509.MarshalPKIXPublicKey(edKey().Public())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}}
	cert, err4 := x509.CreateCertificate(rand.Reader, template, template, ecKey().Public(), ecKey())
	file := slices.Concat(
		[]byte("some text\n"), pemOf(t, "PUBLIC KEY", rsaDER, err1), pemOf(t, "PUBLIC KEY", ecDER, err2), pemOf(t, "PUBLIC KEY", edDER, err3),
		pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil), pemOf(t, "CERTIFICATE", cert, err4),
	)
	keys, err := auth.ParsePublicKeys(file)
	if err != nil || len(keys) != 5 || !rsaKey().PublicKey.Equal(keys[3]) || !ecKey().PublicKey.Equal(keys[4]) {
		t.Errorf("%v, %v", keys, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	weak, err5 := x509.MarshalPKIXPublicKey(p384.Public())
	for name, file := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "a private key": pemOf(t, "PRIVATE KEY", private, err),
		"garbage": pemOf(t, "PUBLIC KEY", []byte("x"), nil), "P-384": pemOf(t, "PUBLIC KEY", weak, err5),
		"a broken certificate": pemOf(t, "CERTIFICATE", rsaDER, nil),
	} {
		if keys, err := auth.ParsePublicKeys(file); err == nil {
			t.Errorf("%s gives %v", name, keys)
		}
	}
}

func TestPrivateKeyFiles(t *testing.T) {
	pkcs8, err1 := x509.MarshalPKCS8PrivateKey(edKey())
	sec1, err2 := x509.MarshalECPrivateKey(ecKey())
	for name, file := range map[string][]byte{
		"PKCS #8": pemOf(t, "PRIVATE KEY", pkcs8, err1),
		"PKCS #1": pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), nil),
		"SEC 1":   append(pemOf(t, "EC PARAMETERS", []byte("x"), nil), pemOf(t, "EC PRIVATE KEY", sec1, err2)...),
	} {
		if key, err := auth.ParsePrivateKey(file); err != nil || key == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	public, err3 := x509.MarshalPKIXPublicKey(rsaKey().Public())
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	other, err4 := x509.MarshalPKCS8PrivateKey(p384)
	for name, file := range map[string][]byte{
		"nothing": nil, "a public key": pemOf(t, "PUBLIC KEY", public, err3),
		"garbage": pemOf(t, "PRIVATE KEY", []byte("x"), nil), "P-384": pemOf(t, "PRIVATE KEY", other, err4),
	} {
		if _, err := auth.ParsePrivateKey(file); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
