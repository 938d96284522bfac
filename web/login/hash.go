package login

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of new hashes: the first choice of OWASP for argon2id.
const (
	newMemory  = 19 * 1024 // KiB
	newTime    = 2
	newThreads = 1
	newSalt    = 16 // bytes
	newKey     = 32
)

// The highest cost of a hash, so that a setting cannot stop the server.
const (
	maxMemory  = 1 << 20 // KiB
	maxTime    = 100
	maxThreads = 16
	maxHash    = 512 // characters
)

// maxPassword is the longest password in bytes.
const maxPassword = 1024

// HashPassword returns a new argon2id hash of the password in the form that
// CheckHash takes. The password is 1 to 1024 bytes.
func HashPassword(password []byte) (string, error) {
	if len(password) == 0 {
		return "", errors.New("the password is empty")
	}
	if len(password) > maxPassword {
		return "", fmt.Errorf("the password has %d bytes; allowed are up to %d", len(password), maxPassword)
	}
	salt := make([]byte, newSalt)
	rand.Read(salt) // never fails
	h := phc{memory: newMemory, time: newTime, threads: newThreads, salt: salt}
	h.key = argon2.IDKey(password, salt, h.time, h.memory, h.threads, newKey)
	return h.String(), nil
}

// CheckHash returns what is wrong with a hash, or nil. A hash is written
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
//
// with m in KiB up to 1 GiB, t up to 100 and p up to 16, a salt of 8 to 64 and a
// key of 16 to 64 bytes, both in base64 without padding.
func CheckHash(hash string) error {
	_, err := parseHash(hash)
	return err
}

// phc is a hash taken apart.
type phc struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
	salt    []byte
	key     []byte
}

var base64Raw = base64.RawStdEncoding.Strict()

// String is the hash as parseHash reads it.
func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.memory, h.time, h.threads, base64Raw.EncodeToString(h.salt), base64Raw.EncodeToString(h.key))
}

// parseHash takes a hash apart. Its errors repeat nothing of salt or key.
func parseHash(hash string) (phc, error) {
	if len(hash) > maxHash {
		return phc{}, fmt.Errorf("the hash has %d characters; allowed are up to %d", len(hash), maxHash)
	}
	parts := strings.Split(hash, "$")
	if len(parts) < 2 || parts[0] != "" || parts[1] != "argon2id" {
		return phc{}, errors.New("the hash does not begin with $argon2id$")
	}
	if len(parts) != 6 {
		return phc{}, fmt.Errorf("the hash has %d parts; it is written $argon2id$v=19$m=…,t=…,p=…$salt$key", len(parts)-1)
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, fmt.Errorf("the hash has the version %.20q; allowed is v=%d", parts[2], argon2.Version)
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return phc{}, fmt.Errorf("the hash has the parameters %.60q; they are written m=19456,t=2,p=1", parts[3])
	}
	threads, err := cost(costs[2], "p", 1, maxThreads)
	if err != nil {
		return phc{}, err
	}
	memory, err := cost(costs[0], "m", 8*threads, maxMemory)
	if err != nil {
		return phc{}, err
	}
	time, err := cost(costs[1], "t", 1, maxTime)
	if err != nil {
		return phc{}, err
	}
	salt, err := unbase64(parts[4], "salt", 8)
	if err != nil {
		return phc{}, err
	}
	key, err := unbase64(parts[5], "key", 16)
	if err != nil {
		return phc{}, err
	}
	return phc{memory: memory, time: time, threads: uint8(threads), salt: salt, key: key}, nil
}

// cost reads name=N with low ≤ N ≤ high.
func cost(text, name string, low, high uint32) (uint32, error) {
	digits, ok := strings.CutPrefix(text, name+"=")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || strconv.FormatUint(n, 10) != digits || n < uint64(low) || n > uint64(high) {
		return 0, fmt.Errorf("the hash has the parameter %.30q; allowed is %s=%d to %s=%d", text, name, low, name, high)
	}
	return uint32(n), nil
}

// unbase64 decodes the part of a hash called name, of low to 64 bytes.
func unbase64(text, name string, low int) ([]byte, error) {
	b, err := base64Raw.DecodeString(text)
	if err != nil || bytes.ContainsAny([]byte(text), "\r\n") {
		return nil, fmt.Errorf("the %s of the hash is not base64 without padding", name)
	}
	if len(b) < low || len(b) > 64 {
		return nil, fmt.Errorf("the %s of the hash has %d bytes; allowed are %d to 64", name, len(b), low)
	}
	return b, nil
}
