package auth

import (
	"fmt"
	"strings"
)

// Scopes is the set of actions that an API key allows.
type Scopes uint8

// The scopes. None of them includes another.
const (
	Publish   Scopes = 1 << iota // append events to its channels
	Subscribe                    // open streams of its channels
	History                      // read kept events of its channels
	Presence                     // see the members of its channels
	Admin                        // see addresses, end streams, the dashboard
)

var scopeNames = []string{"publish", "subscribe", "history", "presence", "admin"}

// ParseScopes reads names separated by commas. A set has one scope at the least.
func ParseScopes(text string) (Scopes, error) {
	var s Scopes
names:
	for name := range strings.SplitSeq(text, ",") {
		for i, known := range scopeNames {
			if name == known {
				s |= 1 << i
				continue names
			}
		}
		return 0, fmt.Errorf("the scope %q is unknown; allowed are %s", name, strings.Join(scopeNames, ", "))
	}
	return s, nil
}

// Has reports whether all of the given scopes are in the set.
func (s Scopes) Has(scopes Scopes) bool { return s&scopes == scopes }

// String is the set as ParseScopes reads it.
func (s Scopes) String() string {
	var names []string
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// UnmarshalText is ParseScopes.
func (s *Scopes) UnmarshalText(text []byte) (err error) {
	*s, err = ParseScopes(string(text))
	return err
}
