package auth

import (
	"fmt"
	"strings"

	"rollcall/hub/eventlog"
)

// Pattern names channels; see [eventlog.Pattern].
type Pattern struct{ eventlog.Pattern }

// ParsePattern reads a pattern, as [eventlog.ParsePattern] does.
func ParsePattern(text string) (Pattern, error) {
	p, err := eventlog.ParsePattern(text)
	return Pattern{p}, err
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
var everything = Patterns{must(">")}

func must(text string) Pattern {
	p, err := ParsePattern(text)
	if err != nil {
		panic(err)
	}
	return p
}

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

// Covers reports whether one of the patterns names every channel that a pattern names. A channel's name is a pattern.
func (list Patterns) Covers(pattern string) bool {
	for _, p := range list {
		if pattern != "" && pattern[0] != '$' && p.Covers(pattern) {
			return true
		}
	}
	return false
}

// Everything reports whether ">" is among the patterns.
func (list Patterns) Everything() bool {
	for _, p := range list {
		if p.String() == ">" {
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
		texts = append(texts, p.String())
	}
	return texts
}
