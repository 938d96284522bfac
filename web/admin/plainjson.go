package admin

import "strings"

// plainJSON returns JSON whose strings have <, > and & as they are, which many programs escape. It is the same JSON.
func plainJSON(text string) string {
	if !strings.Contains(text, `\u00`) {
		return text
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:at])
		text = text[at:]
		n := 2 // an escape of two characters, or the beginning of a longer one
		if len(text) >= 6 {
			switch strings.ToLower(text[:6]) {
			case `\u003c`:
				n, text = 1, "<"+text[6:]
			case `\u003e`:
				n, text = 1, ">"+text[6:]
			case `\u0026`:
				n, text = 1, "&"+text[6:]
			}
		}
		b.WriteString(text[:n])
		text = text[n:]
	}
}
