package bench

import "strings"

// placeholder is a word in braces that a template replaces.
type placeholder string

const (
	inChannel placeholder = "{channel}"
	inType    placeholder = "{type}"
	inPayload placeholder = "{payload}"
	inEvents  placeholder = "{events}"
	inStream  placeholder = "{stream}"
)

var placeholders = []placeholder{inChannel, inType, inPayload, inEvents, inStream}

// template is text with placeholders, cut up once so that filling it in copies and nothing
// else. Braces around any other word are text. It is immutable.
type template []segment

// segment is literal text followed by a placeholder; the last one of a template may have none.
type segment struct {
	text string
	hole placeholder
}

// parseTemplate cuts text at its placeholders.
func parseTemplate(text string) template {
	var t template
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			continue
		}
		for _, p := range placeholders {
			if strings.HasPrefix(text[i:], string(p)) {
				t = append(t, segment{text: text[start:i], hole: p})
				start = i + len(p)
				i = start - 1
				break
			}
		}
	}
	return append(t, segment{text: text[start:]})
}

// has reports whether p occurs in t.
func (t template) has(p placeholder) bool {
	for _, s := range t {
		if s.hole == p {
			return true
		}
	}
	return false
}

// fill appends t to dst; write appends a placeholder's value.
func (t template) fill(dst []byte, write func(dst []byte, p placeholder) []byte) []byte {
	for _, s := range t {
		dst = append(dst, s.text...)
		if s.hole != "" {
			dst = write(dst, s.hole)
		}
	}
	return dst
}
