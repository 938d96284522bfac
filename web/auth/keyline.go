package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// hashPrefix names the hash of a key's line.
const hashPrefix = "sha256:"

// lineEscape encodes characters that would end a value or the line. Any other may be percent-encoded too.
var lineEscape = strings.NewReplacer("%", "%25", " ", "%20", ";", "%3B")

// ParseKey reads the line that describes a key: pairs separated by spaces, in any
// order,
//
//	name=billing allow=publish,history channels=orders.> hash=sha256:2c26… expires=2027-01-31T00:00:00Z
//
// of which only expires may be left out. In channels, a space is written %20, a
// semicolon %3B and a percent sign %25. Errors hold nothing that could be a secret.
func ParseKey(line string) (Key, error) {
	var k Key
	seen := map[string]bool{}
	for i, pair := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' }) {
		name, value, ok := strings.Cut(pair, "=")
		if seen[name] {
			return Key{}, fmt.Errorf("%s= appears twice", name)
		}
		var err error
		switch {
		case ok && name == "name":
			k.Name = value
		case ok && name == "allow":
			k.Allow, err = ParseScopes(value)
		case ok && name == "channels":
			k.Channels, err = parseEscaped(value)
		case ok && name == "hash":
			k.Hash, err = parseHash(value)
		case ok && name == "expires":
			k.Expires, err = time.Parse(time.RFC3339, value)
			if err != nil || !k.Expires.Equal(k.Expires.Truncate(time.Second)) {
				err = errors.New("expires= is not a time such as 2027-01-31T00:00:00Z")
			}
			k.Expires = k.Expires.UTC()
		default:
			err = fmt.Errorf("word %d is not one of name=, allow=, channels=, hash=, expires=", i+1)
		}
		if err != nil {
			return Key{}, err
		}
		seen[name] = true
	}
	for _, name := range []string{"name", "allow", "channels", "hash"} {
		if !seen[name] {
			return Key{}, fmt.Errorf("%s= is missing", name)
		}
	}
	if err := k.check(); err != nil {
		return Key{}, err
	}
	return k, nil
}

// parseEscaped reads the patterns of a line.
func parseEscaped(text string) (Patterns, error) {
	var list Patterns
	for part := range strings.SplitSeq(text, ",") {
		raw, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q is not percent-encoded correctly", part)
		}
		var p Pattern
		if err := p.UnmarshalText([]byte(raw)); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parseHash(text string) (hash [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(text, hashPrefix)
	if raw, err := hex.DecodeString(digits); ok && err == nil && len(raw) == len(hash) {
		return [sha256.Size]byte(raw), nil
	}
	return hash, fmt.Errorf("hash= is not %q and %d hexadecimal digits", hashPrefix, 2*len(hash))
}

// String is the line that ParseKey reads.
func (k Key) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name=%s allow=%s channels=%s hash=%s%x",
		k.Name, k.Allow, lineEscape.Replace(k.Channels.String()), hashPrefix, k.Hash)
	if !k.Expires.IsZero() {
		b.WriteString(" expires=" + k.Expires.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// ParseKeys reads many lines, as a file or a variable holds them. They end at a
// line's end or at a semicolon. Blank lines and lines that begin with "#" are
// passed over.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for part := range strings.SplitSeq(line, ";") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			k, err := ParseKey(part)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			keys = append(keys, k)
		}
	}
	return keys, nil
}
