package login

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

const (
	someSalt = "c29tZXNhbHQ"                                            // 8 bytes
	someKey  = "AAAAAAAAAAAAAAAAAAAAAA"                                 // 16 bytes
	newCosts = "$argon2id$v=19$m=19456,t=2,p=1$"                        //
	someHash = "$argon2id$v=19$m=8,t=1,p=1$" + someSalt + "$" + someKey // of no password known
)

func TestHashPassword(t *testing.T) {
	password := []byte("correct horse")
	hash, err := HashPassword(password)
	if err != nil || !strings.HasPrefix(hash, newCosts) || CheckHash(hash) != nil {
		t.Fatalf("got %q, %v, which has %v", hash, err, CheckHash(hash))
	}
	h, _ := parseHash(hash)
	if len(h.salt) != 16 || len(h.key) != 32 {
		t.Errorf("a salt of %d and a key of %d bytes", len(h.salt), len(h.key))
	}
	if !bytes.Equal(h.key, argon2.IDKey(password, h.salt, 2, 19*1024, 1, 32)) {
		t.Error("the key is not argon2id's")
	}
	if again, _ := HashPassword(password); again == hash {
		t.Error("the same salt twice")
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	for name, password := range map[string][]byte{"empty": {}, "nil": nil, "long": make([]byte, 1025)} {
		if hash, err := HashPassword(password); err == nil {
			t.Errorf("%s: got %q", name, hash)
		}
	}
	if _, err := HashPassword(make([]byte, 1024)); err != nil {
		t.Errorf("1024 bytes: %v", err)
	}
}

// A hash that the reference implementation (argon2 -id) has made.
func TestHashOfTheReferenceImplementation(t *testing.T) {
	h, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.key, argon2.IDKey([]byte("password"), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))) {
		t.Error("the password does not fit")
	}
}

func TestCheckHash(t *testing.T) {
	end := "$" + someSalt + "$" + someKey
	tests := map[string]struct{ hash, says string }{
		"least":           {"$argon2id$v=19$m=8,t=1,p=1" + end, ""},
		"most":            {"$argon2id$v=19$m=1048576,t=100,p=16" + end, ""},
		"empty":           {"", "does not begin with $argon2id$"},
		"a password":      {"correct horse", "does not begin with $argon2id$"},
		"bcrypt":          {"$2y$10$abcdefghijklmnopqrstuv", "does not begin with $argon2id$"},
		"argon2i":         {"$argon2i$v=19$m=8,t=1,p=1" + end, "does not begin with $argon2id$"},
		"text before":     {"x$argon2id$v=19$m=8,t=1,p=1" + end, "does not begin with $argon2id$"},
		"no version":      {"$argon2id$m=8,t=1,p=1" + end, "has 4 parts"},
		"text after":      {someHash + "$", "has 6 parts"},
		"old version":     {"$argon2id$v=16$m=8,t=1,p=1" + end, "allowed is v=19"},
		"too much memory": {"$argon2id$v=19$m=1048577,t=1,p=1" + end, "allowed is m=8 to m=1048576"},
		"wrapped memory":  {"$argon2id$v=19$m=4294967304,t=1,p=1" + end, "allowed is m=8"},
		"too little":      {"$argon2id$v=19$m=15,t=1,p=2" + end, "allowed is m=16"},
		"too long":        {"$argon2id$v=19$m=8,t=101,p=1" + end, "allowed is t=1 to t=100"},
		"no time":         {"$argon2id$v=19$m=8,t=0,p=1" + end, "allowed is t=1"},
		"too wide":        {"$argon2id$v=19$m=1024,t=1,p=17" + end, "allowed is p=1 to p=16"},
		"no threads":      {"$argon2id$v=19$m=8,t=1,p=0" + end, "allowed is p=1"},
		"wrapped threads": {"$argon2id$v=19$m=8,t=1,p=257" + end, "allowed is p=1"},
		"leading zero":    {"$argon2id$v=19$m=08,t=1,p=1" + end, "allowed is m=8"},
		"plus":            {"$argon2id$v=19$m=+8,t=1,p=1" + end, "allowed is m=8"},
		"negative":        {"$argon2id$v=19$m=-8,t=1,p=1" + end, "allowed is m=8"},
		"other order":     {"$argon2id$v=19$t=1,m=8,p=1" + end, `"t=1"; allowed is m=8`},
		"parameter gone":  {"$argon2id$v=19$m=8,t=1" + end, "written m=19456,t=2,p=1"},
		"parameter more":  {"$argon2id$v=19$m=8,t=1,p=1,data=AA" + end, "written m=19456,t=2,p=1"},
		"short salt":      {"$argon2id$v=19$m=8,t=1,p=1$c29tZXM$" + someKey, "salt of the hash has 5 bytes"},
		"salt in base64?": {"$argon2id$v=19$m=8,t=1,p=1$c29tZXN!bHQ$" + someKey, "salt of the hash is not base64"},
		"padded":          {"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ=$" + someKey, "salt of the hash is not base64"},
		"loose bits":      {"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHR$" + someKey, "salt of the hash is not base64"},
		"line end":        {someHash + "\n", "key of the hash is not base64"},
		"short key":       {"$argon2id$v=19$m=8,t=1,p=1$" + someSalt + "$AAAA", "key of the hash has 3 bytes"},
		"no key":          {"$argon2id$v=19$m=8,t=1,p=1$" + someSalt + "$", "key of the hash has 0 bytes"},
		"long key":        {"$argon2id$v=19$m=8,t=1,p=1$" + someSalt + "$" + strings.Repeat("A", 88), "key of the hash has 66 bytes"},
		"endless":         {someHash + strings.Repeat("A", 500), "characters; allowed are up to 512"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			switch err := CheckHash(test.hash); {
			case test.says == "" && err != nil:
				t.Error(err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("got %v, want one that says %q", err, test.says)
			}
		})
	}
}

// What is taken is within the bounds and written in one way only.
func FuzzParseHash(f *testing.F) {
	f.Add(someHash)
	f.Add(newCosts + someSalt + "$" + someKey)
	f.Add("$argon2id$v=19$m=4294967304,t=0,p=257$$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		if h.String() != text {
			t.Errorf("%q is read as %q", text, h)
		}
		if h.memory < 8*uint32(h.threads) || h.memory > 1<<20 || h.time < 1 || h.time > 100 || h.threads < 1 || h.threads > 16 ||
			len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
			t.Errorf("%q is out of bounds", text)
		}
	})
}
