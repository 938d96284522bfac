package apidocs

import (
	"strings"

	"rollcall/templates"
)

// paragraphs splits a description at its blank lines.
func paragraphs(text string) []templates.DocsText {
	var out []templates.DocsText
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if part != "" {
			out = append(out, spans(part))
		}
	}
	return out
}

// spans reads the little Markdown that descriptions have: `code` and [links](#there).
func spans(text string) templates.DocsText {
	text = strings.Join(strings.Fields(text), " ")
	var out templates.DocsText
	put := func(s templates.DocsSpan) {
		if s.Text != "" {
			out = append(out, s)
		}
	}
	for text != "" {
		at := strings.IndexAny(text, "`[")
		if at < 0 {
			break
		}
		if text[at] == '`' {
			if code, rest, ok := strings.Cut(text[at+1:], "`"); ok {
				put(templates.DocsSpan{Text: text[:at]})
				put(templates.DocsSpan{Text: code, Code: true})
				text = rest
				continue
			}
		} else if label, rest, ok := strings.Cut(text[at+1:], "]("); ok {
			href, rest, _ := strings.Cut(rest, ")")
			put(templates.DocsSpan{Text: text[:at]})
			put(templates.DocsSpan{Text: label, Href: href})
			text = rest
			continue
		}
		break
	}
	put(templates.DocsSpan{Text: text})
	return out
}
