package auth

import "strings"

// maxWord bounds one proxy's word in a header, in bytes.
const maxWord = 1 << 10

// wordList reads the comma-separated words of a header from the right, so that a client's words on the left can't
// change the meaning of a proxy's.
type wordList struct {
	lines []string // not yet begun
	rest  string
	more  bool // rest holds a word
	count int
	word  string // the current one, without spaces around it; "" if garbled
}

func words(lines []string) wordList { return wordList{lines: lines} }

// next goes one word to the left, if there is one, and at most maxHops times.
func (w *wordList) next() bool {
	if !w.more {
		if len(w.lines) == 0 {
			return false
		}
		last := len(w.lines) - 1
		w.rest, w.lines, w.more = w.lines[last], w.lines[:last], true
	}
	if w.count++; w.count > maxHops {
		return false
	}
	// A comma within quotes does not separate. No proxy needs to escape a quote in its values; a word with a backslash
	// is malformed.
	quoted, at := false, len(w.rest)-1
	for ; at >= 0 && (quoted || w.rest[at] != ','); at-- {
		if len(w.rest)-at > maxWord {
			w.word = ""
			return true
		}
		quoted = quoted != (w.rest[at] == '"')
	}
	w.word = strings.Trim(w.rest[at+1:], " \t")
	w.more = at >= 0
	w.rest = w.rest[:max(at, 0)]
	return true
}

// lastWord returns the rightmost word of a header, "" for none.
func lastWord(lines []string) string {
	w := words(lines)
	w.next()
	return w.word
}

// element is one proxy's entry in a Forwarded header (RFC 7239).
type element struct{ node, proto, host string }

// parseElement reads the pairs of an element. Each may be there once.
func parseElement(text string) (element, bool) {
	var e element
	seen := map[string]bool{}
	for {
		text = strings.TrimLeft(text, "; \t") // there may be nothing between semicolons
		if text == "" {
			return e, true
		}
		name, rest, ok := strings.Cut(text, "=")
		name = strings.ToLower(name)
		if !ok || !isToken(name) || seen[name] {
			return element{}, false
		}
		seen[name] = true
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, text, ok = strings.Cut(quoted, `"`)
			if !ok || strings.Contains(value, `\`) {
				return element{}, false
			}
			if text = strings.TrimLeft(text, " \t"); text != "" && text[0] != ';' {
				return element{}, false
			}
		} else {
			value, text, _ = strings.Cut(rest, ";")
			if value = strings.Trim(value, " \t"); !isToken(value) {
				return element{}, false
			}
		}
		switch name {
		case "for":
			e.node = value
		case "proto":
			e.proto = value
		case "host":
			e.host = value
		}
	}
}

// isToken reports whether text is a token (RFC 9110), or an address with its port,
// which some write without the quotes that it should have.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~:[]", rune(c)) {
			return false
		}
	}
	return text != ""
}
