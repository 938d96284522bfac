package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The accepted signature algorithms. A key's type determines its one algorithm, regardless of the token's header.
const (
	hs256 = "HS256"
	rs256 = "RS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

// Bounds on keys. A larger RSA key would only cost time.
const (
	minSecret  = 32 // bytes
	minRSABits = 2048
	maxRSABits = 8192
)

// algorithmOf returns the algorithm of a public key, or what is wrong with the key.
func algorithmOf(key crypto.PublicKey) (string, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return "", fmt.Errorf("the RSA key has %d bits; allowed are %d to %d", bits, minRSABits, maxRSABits)
		}
		return rs256, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "", errors.New("the EC key is not on the curve P-256")
		}
		if _, err := key.ECDH(); err != nil {
			return "", errors.New("the EC key is not a point of its curve")
		}
		return es256, nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return "", fmt.Errorf("the Ed25519 key has %d bytes instead of %d", len(key), ed25519.PublicKeySize)
		}
		return eddsa, nil
	}
	return "", fmt.Errorf("a %T can't be used for tokens; allowed are RSA, EC on P-256 and Ed25519", key)
}

// checkSecret returns what is wrong with a shared secret, or nil.
func checkSecret(secret []byte) error {
	if len(secret) < minSecret {
		return fmt.Errorf("the secret has %d bytes; at least %d random bytes are needed", len(secret), minSecret)
	}
	if block, _ := pem.Decode(secret); block != nil {
		return fmt.Errorf("the secret is a PEM file (%s), not a secret", block.Type)
	}
	return nil
}

// ParsePublicKeys reads a PEM file: public keys (PKIX, or PKCS #1 for RSA) and
// certificates, of which only the key counts. It has one at the least.
func ParsePublicKeys(file []byte) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		var key crypto.PublicKey
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var cert *x509.Certificate
			if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = cert.PublicKey
			}
		default:
			return nil, fmt.Errorf("holds a %s; allowed are PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE", block.Type)
		}
		if err == nil {
			_, err = algorithmOf(key)
		}
		if err != nil {
			return nil, fmt.Errorf("holds a %s that can't be used: %w", block.Type, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no public key in PEM form")
	}
	return keys, nil
}

// ParsePrivateKey reads the one private key of a PEM file (PKCS #8, PKCS #1 or
// SEC 1), for [Sign].
func ParsePrivateKey(file []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // such as EC PARAMETERS
		}
		if err != nil {
			return nil, fmt.Errorf("holds a %s that can't be read", block.Type)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("holds a %s that can't sign", block.Type)
		}
		_, err = algorithmOf(signer.Public())
		return signer, err
	}
	return nil, errors.New("holds no private key in PEM form")
}
