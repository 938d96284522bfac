package eventlog

import "strings"

// Patterns is the union of its patterns.
type Patterns []Pattern

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
		if p.text == ">" {
			return true
		}
	}
	return false
}

// String is the list as ParsePatterns reads it.
func (list Patterns) String() string { return strings.Join(list.Texts(), ",") }

// Texts returns the patterns as texts, nil for none.
func (list Patterns) Texts() []string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.text)
	}
	return texts
}

// Split sorts names of channels and patterns. A pattern that is not well-formed is left out.
func Split(names []string) (patterns Patterns, channels []string) {
	for _, name := range names {
		if !IsPattern(name) {
			channels = append(channels, name)
		} else if p, err := ParsePattern(name); err == nil {
			patterns = append(patterns, p)
		}
	}
	return patterns, channels
}
