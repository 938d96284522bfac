package templates

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// visible replaces the invisible characters of a foreign string that change its appearance by \uXXXX, so that a name
// can't be mistaken for another: control characters, including tab and newline, those without a width except the
// joiners that emoji and scripts need, and those that change the direction of text. Bytes that aren't UTF-8 become
// U+FFFD. assets/dom.js does the same in the browser.
func visible(s string) string { return escapeUnseen(s, true) }

// visibleText is visible for text that may span lines: tab and newline stay.
func visibleText(s string) string { return escapeUnseen(s, false) }

func escapeUnseen(s string, blanks bool) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= 0x20 && s[i] < 0x7f
	}
	if clean {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		if unseen(r) && (blanks || r != '\t' && r != '\n') {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r) // RuneError, for bytes that aren't UTF-8, is U+FFFD
		}
	}
	return b.String()
}

func unseen(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0xad || r == 0x061c || r == 0x200b || r == 0x200e || r == 0x200f ||
		r >= 0x2028 && r <= 0x202e || r == 0x2060 || r >= 0x2066 && r <= 0x2069 || r == 0xfeff
}

// initial returns the first letter of a name, for a round badge; "?" if there is none.
func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.ToUpper(strings.TrimSpace(name)))
	if r == utf8.RuneError || unseen(r) {
		return "?"
	}
	return string(r)
}
