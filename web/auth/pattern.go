package auth

import "rollcall/hub/eventlog"

// Pattern names channels; see [eventlog.Pattern].
type Pattern = eventlog.Pattern

// Patterns is the union of its patterns; see [eventlog.Patterns].
type Patterns = eventlog.Patterns

// everything is every channel.
var everything = Patterns{eventlog.MustParsePattern(">")}

// ParsePattern is [eventlog.ParsePattern].
func ParsePattern(text string) (Pattern, error) { return eventlog.ParsePattern(text) }

// ParsePatterns is [eventlog.ParsePatterns].
func ParsePatterns(text string) (Patterns, error) { return eventlog.ParsePatterns(text) }
