package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/web/privatefile"
)

// Bounds on a file of made keys.
const (
	maxKeyFile  = 4 << 20 // bytes
	maxMadeKeys = 1000
)

// MadeKey is a key of a KeyFile.
type MadeKey struct {
	Key
	Made time.Time // zero if the file does not say
	By   string
}

// ID names the key on pages: a part of its hash.
func (k *MadeKey) ID() string { return hex.EncodeToString(k.Hash[:12]) }

// KeyFile is a private file with the keys that a server makes, as lines of [ParseKey]: hashes, never a key's text.
// A comment before each line says who made the key and when. Its methods are safe for concurrent use.
type KeyFile struct {
	path string // static

	writing sync.Mutex // held while the file is read and written
	mu      sync.Mutex // guards keys
	keys    []MadeKey  // never changed in place
}

// OpenKeyFile reads the file, which need not exist yet. A file that others may read is an error.
func OpenKeyFile(path string) (*KeyFile, error) {
	f := &KeyFile{path: path}
	return f, f.Reload()
}

// Keys returns the keys.
func (f *KeyFile) Keys() []MadeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys
}

// Reload reads the file again. On an error the keys stay.
func (f *KeyFile) Reload() error {
	f.writing.Lock()
	defer f.writing.Unlock()
	_, err := f.read()
	return err
}

// Add appends a key.
func (f *KeyFile) Add(k MadeKey) error {
	return f.change(func(keys []MadeKey) ([]MadeKey, error) {
		if len(keys) >= maxMadeKeys {
			return nil, fmt.Errorf("there are %d keys already; revoke some first", len(keys))
		}
		return append(keys, k), nil
	})
}

// ErrNoSuchKey is the answer to the id of no key.
var ErrNoSuchKey = errors.New("there is no such key any more")

// Remove removes the key with this id and returns it.
func (f *KeyFile) Remove(id string) (removed MadeKey, err error) {
	return removed, f.change(func(keys []MadeKey) ([]MadeKey, error) {
		at := slices.IndexFunc(keys, func(k MadeKey) bool { return k.ID() == id })
		if at < 0 {
			return nil, ErrNoSuchKey
		}
		removed = keys[at]
		return slices.Delete(keys, at, at+1), nil
	})
}

// change reads the file, which others may have changed, and replaces it.
func (f *KeyFile) change(apply func([]MadeKey) ([]MadeKey, error)) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	keys, err := f.read()
	if err != nil {
		return err
	}
	if keys, err = apply(slices.Clone(keys)); err != nil {
		return err
	}
	if err := f.write(keys); err != nil {
		return fmt.Errorf("key file %s: %w", f.path, err)
	}
	f.set(keys)
	return nil
}

func (f *KeyFile) set(keys []MadeKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = keys
}

// read takes the keys from the file. f.writing is held.
func (f *KeyFile) read() ([]MadeKey, error) {
	keys, err := readKeyFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", f.path, err)
	}
	f.set(keys)
	return keys, nil
}

func readKeyFile(path string) ([]MadeKey, error) {
	text, err := privatefile.Read(path, maxKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseKeyFile(string(text))
}

// madeBy begins the comment before a key.
const madeBy = "# made "

func parseKeyFile(text string) (keys []MadeKey, err error) {
	var next MadeKey
	seen := map[[sha256.Size]byte]bool{}
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if about, ok := strings.CutPrefix(line, madeBy); ok {
			at, by, _ := strings.Cut(about, " by ")
			next.Made, _ = time.Parse(time.RFC3339, at) // else the time is not shown
			next.By = by
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if next.Key, err = ParseKey(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if seen[next.Hash] {
			return nil, fmt.Errorf("line %d: a key has the same hash as another", number)
		}
		seen[next.Hash] = true
		keys, next = append(keys, next), MadeKey{}
	}
	return keys, nil
}

// write replaces the file.
func (f *KeyFile) write(keys []MadeKey) error {
	var text bytes.Buffer
	text.WriteString("# API keys of the admin UI: hashes. Each may be removed here, too.\n")
	for _, k := range keys {
		by := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, k.By)
		fmt.Fprintf(&text, "%s%s by %s\n%s\n", madeBy, k.Made.UTC().Format(time.RFC3339), by, k.Key)
	}
	return privatefile.Replace(f.path, text.Bytes())
}
