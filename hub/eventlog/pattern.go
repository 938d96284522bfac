package eventlog

import (
	"fmt"
	"strings"
)

// Pattern is a set of channels, written as a channel's name whose tokens, split by ".", may be "*", exactly one token
// of any text, and at the end ">", one or more tokens. A bare ">" is every channel. Elsewhere "*" and ">" have no
// special meaning: "a*" is the channel "a*".
//
// Bytes are compared as they are: no case folding, no percent-decoding, no Unicode
// normalisation. The zero Pattern matches nothing.
type Pattern struct{ text string }

// ParsePattern reads a pattern. An error is the end of a sentence that begins with
// the pattern or its field; see [CheckChannel] for the rules of names.
func ParsePattern(text string) (Pattern, error) {
	tokens := strings.Split(text, ".")
	for i, token := range tokens {
		switch {
		case token == ">" && i < len(tokens)-1:
			return Pattern{}, fmt.Errorf("has \">\" before the end; it must be the last token")
		case token == "*" || token == ">":
			tokens[i] = "-"
		}
	}
	if err := CheckChannel(strings.Join(tokens, ".")); err != nil {
		return Pattern{}, err
	}
	return Pattern{text}, nil
}

// MustParsePattern is ParsePattern for patterns that are known to be well-formed; it panics otherwise.
func MustParsePattern(text string) Pattern {
	p, err := ParsePattern(text)
	if err != nil {
		panic(fmt.Sprintf("the pattern %q %v", text, err))
	}
	return p
}

// UnmarshalText is ParsePattern.
func (p *Pattern) UnmarshalText(text []byte) error {
	parsed, err := ParsePattern(string(text))
	if err != nil {
		return fmt.Errorf("the pattern %q %w", text, err)
	}
	*p = parsed
	return nil
}

// IsPattern reports whether the name of a channel or the text of a pattern is a pattern that stands for several channels.
func IsPattern(name string) bool {
	if !strings.ContainsAny(name, "*>") {
		return false
	}
	for token := range strings.SplitSeq(name, ".") {
		if token == "*" || token == ">" {
			return true
		}
	}
	return false
}

// String is the text that was parsed.
func (p Pattern) String() string { return p.text }

// Matches reports whether the pattern names the channel. A name that begins with
// "$" is never matched.
func (p Pattern) Matches(channel string) bool {
	return channel != "" && channel[0] != '$' && p.Covers(channel)
}

// Covers reports whether every channel that the other pattern names is named by this one, too. A channel's name is a pattern.
func (p Pattern) Covers(other string) bool {
	if p.text == "" || other == "" {
		return false
	}
	pattern, more := p.text, true
	for more {
		var want, have string
		var left bool
		want, pattern, more = strings.Cut(pattern, ".")
		if want == ">" {
			return true // a token is left, and nothing follows in the pattern
		}
		have, other, left = strings.Cut(other, ".")
		if want != "*" && want != have || have == ">" || left != more {
			return false
		}
	}
	return true
}

// Prefix is what the names of all channels of the pattern begin with.
func (p Pattern) Prefix() string {
	at := 0
	for token := range strings.SplitSeq(p.text, ".") {
		if token == "*" || token == ">" {
			break
		}
		at += len(token) + 1
	}
	return p.text[:min(at, len(p.text))]
}

// firstToken is the part of a name before the first dot.
func firstToken(name string) string {
	token, _, _ := strings.Cut(name, ".")
	return token
}
