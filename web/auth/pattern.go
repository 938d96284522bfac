package auth

import (
	"fmt"
	"strings"

	"rollcall/hub/eventlog"
)

// Pattern is a set of channels, written as a channel's name whose tokens, split by ".", may be "*", exactly one token
// of any text, and at the end ">", one or more tokens. A bare ">" is every channel. Elsewhere "*" and ">" have no
// special meaning: "a*" is the channel "a*".
//
// Bytes are compared as they are: no case folding, no percent-decoding, no Unicode
// normalisation. The zero Pattern matches nothing.
type Pattern struct{ text string }

// ParsePattern reads a pattern. An error is the end of a sentence that begins with
// the pattern or its field; see [eventlog.CheckChannel] for the rules of names.
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
	if err := eventlog.CheckChannel(strings.Join(tokens, ".")); err != nil {
		return Pattern{}, err
	}
	return Pattern{text}, nil
}

// String is the text that was parsed.
func (p Pattern) String() string { return p.text }

// Matches reports whether the pattern names the channel. A name that begins with
// "$" is never matched.
func (p Pattern) Matches(channel string) bool {
	if p.text == "" || channel == "" || channel[0] == '$' {
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
		have, channel, left = strings.Cut(channel, ".")
		if want != "*" && want != have || left != more {
			return false
		}
	}
	return true
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

// Patterns is the union of its patterns.
type Patterns []Pattern

// everything is every channel.
var everything = Patterns{{">"}}

// ParsePatterns reads a list that is separated by commas, which no name can hold.
// The empty text is the empty list.
func ParsePatterns(text string) (Patterns, error) {
	var list Patterns
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		var p Pattern
		if err := p.UnmarshalText([]byte(part)); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// Matches reports whether one of the patterns names the channel.
func (list Patterns) Matches(channel string) bool {
	for _, p := range list {
		if p.Matches(channel) {
			return true
		}
	}
	return false
}

// Everything reports whether ">" is among the patterns.
func (list Patterns) Everything() bool {
	for _, p := range list {
		if p.text == ">" {
			return true
		}
	}
	return false
}

// String is the list as ParsePatterns reads it.
func (list Patterns) String() string { return strings.Join(list.texts(), ",") }

// texts returns the patterns as texts, nil for none.
func (list Patterns) texts() []string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.text)
	}
	return texts
}
