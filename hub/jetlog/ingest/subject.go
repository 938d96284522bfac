package ingest

import (
	"fmt"
	"strings"
)

// CheckSubjects returns what is wrong with a list of subjects, or nil.
func CheckSubjects(list []string) error {
	for i, subject := range list {
		tokens := strings.Split(subject, ".")
		if err := checkTokens(tokens); err != nil {
			return fmt.Errorf("%q %w", subject, err)
		}
		for _, other := range list[:i] {
			if overlap(tokens, strings.Split(other, ".")) {
				return fmt.Errorf("%q and %q have subjects in common", other, subject)
			}
		}
	}
	return nil
}

func checkTokens(tokens []string) error {
	for i, token := range tokens {
		switch {
		case token == "":
			return fmt.Errorf("is not a subject; it has an empty token")
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			return fmt.Errorf("is not a subject; it has a space or a control character")
		case token == ">" && i < len(tokens)-1:
			return fmt.Errorf("has \">\" before the end; it must be the last token")
		}
	}
	first := tokens[0]
	if first == "*" || first == ">" || first == "_INBOX" || first[0] == '$' || strings.HasPrefix(first, "rollcall") {
		return fmt.Errorf("must begin with a name, such as orders.>; names that begin with \"rollcall\", \"$\" or \"_INBOX\" " +
			"are those of NATS and of this server")
	}
	return nil
}

// overlap reports whether a subject can match both patterns.
func overlap(a, b []string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i] == ">" || b[i] == ">":
			return true
		case a[i] != b[i] && a[i] != "*" && b[i] != "*":
			return false
		}
	}
	return len(a) == len(b)
}
