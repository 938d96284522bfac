package apidocs

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"

	"rollcall/templates"
)

// docs answers GET /docs: the API's description as a page.
func (d *Docs) docs(c *gin.Context) {
	view := docsView()
	view.Version, view.BaseURL = d.version, d.gate.BaseURL(c.Request)
	d.pages.Send(c, http.StatusOK, templates.Docs(view))
}

// docsView reads the API's description once for the process.
var docsView = sync.OnceValue(func() templates.DocsView {
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(openapiText, &doc, yaml.UseOrderedMap()); err != nil {
		panic("web: openapi.yaml: " + err.Error()) // a mistake of the build
	}
	return describe(node{value: doc, root: doc})
})

// methods are the methods of operations, in the page's order.
var methods = []string{"get", "post", "put", "delete"}

// describe makes the page's view of a description. It supports the part of OpenAPI and JSON Schema that Rollcall's own
// description uses.
func describe(doc node) templates.DocsView {
	info := doc.get("info")
	v := templates.DocsView{
		Title: info.get("title").text(), Summary: info.get("summary").text(), Intro: paragraphs(info.get("description").text()),
	}
	groups := map[string]*templates.DocsGroup{}
	tags := doc.get("tags").list()
	v.Groups = make([]templates.DocsGroup, len(tags))
	for i, tag := range tags {
		name := tag.get("name").text()
		v.Groups[i] = templates.DocsGroup{
			Anchor: "tag-" + strings.ToLower(strings.ReplaceAll(name, " ", "-")), Name: name, About: paragraphs(tag.get("description").text()),
		}
		groups[name] = &v.Groups[i]
	}
	for _, path := range doc.get("paths").items() {
		for _, method := range methods {
			if op := path.get(method); op.exists() {
				g := groups[op.get("tags").list()[0].text()]
				g.Operations = append(g.Operations, operationOf(path, method, op))
			}
		}
	}
	parts := doc.get("components")
	for _, scheme := range parts.get("securitySchemes").items() {
		f := templates.DocsField{Name: scheme.get("name").text(), In: scheme.get("in").text(), About: spans(scheme.get("description").text())}
		if scheme.get("type").text() == "http" {
			f.Name, f.In = "Authorization: Bearer …", "header"
		}
		v.Credentials = append(v.Credentials, f)
	}
	for _, example := range parts.get("examples").items() {
		v.Errors = append(v.Errors, errorOf(example))
	}
	for _, example := range parts.get("responses").get("AnyError").get("content").get(jsonMedia).get("examples").items() {
		v.AnyErrors = append(v.AnyErrors, errorOf(example))
	}
	for _, schema := range parts.get("schemas").items() {
		v.Schemas = append(v.Schemas, schemaOf(schema))
	}
	return v
}

const (
	jsonMedia   = "application/json"
	streamMedia = "text/event-stream"
)

func operationOf(path node, method string, op node) templates.DocsOperation {
	o := templates.DocsOperation{
		Anchor: "op-" + op.get("operationId").text(), Method: strings.ToUpper(method), Path: path.name,
		Summary: op.get("summary").text(), About: paragraphs(op.get("description").text()),
		Open:   op.get("security").exists() && len(op.get("security").list()) == 0,
		Sample: op.get("x-codeSamples").at(0).get("source").text(),
	}
	for _, p := range append(path.get("parameters").list(), op.get("parameters").list()...) {
		o.Parameters = append(o.Parameters, parameterOf(p))
	}
	if body := op.get("requestBody"); body.exists() {
		media := body.get("content").at(0)
		o.Body = &templates.DocsBody{
			About: spans(body.get("description").text()), Media: media.name, Type: typeOf(media.get("schema")), Example: exampleOf(media),
		}
	}
	for _, r := range op.get("responses").items() {
		if r.name == "default" {
			continue // AnyError
		}
		media := r.get("content").at(0)
		if codes := media.get("examples").items(); len(codes) > 0 {
			e := templates.DocsErrors{Status: r.name}
			for _, code := range codes {
				e.Codes = append(e.Codes, code.name)
			}
			o.Errors = append(o.Errors, e)
			continue
		}
		a := templates.DocsAnswer{Status: r.name, About: spans(r.get("description").text()), Media: media.name, Example: exampleOf(media)}
		a.Type = typeOf(media.get("schema"))
		for _, h := range r.get("headers").items() {
			a.Headers = append(a.Headers, templates.DocsField{
				Name: h.name, Type: typeOf(h.get("schema")), About: spans(h.get("description").text()),
			})
		}
		for _, ev := range media.get("x-events").list() {
			a.Events = append(a.Events, templates.DocsEvent{
				Type: ev.get("type").text(), About: spans(ev.get("summary").text()), Data: typeOf(ev.get("data")),
			})
		}
		o.Stream = o.Stream || media.name == streamMedia
		o.Answers = append(o.Answers, a)
	}
	return o
}

func parameterOf(p node) templates.DocsField {
	schema, example := p.get("schema"), p.get("example")
	if media := p.get("content").at(0); media.exists() {
		schema, example = media.get("schema"), media.get("example")
	}
	f := templates.DocsField{
		Name: p.get("name").text(), In: p.get("in").text(), Required: p.get("required").text() == "true",
		Type: typeOf(schema), Limits: limitsOf(schema), About: spans(p.get("description").text()),
	}
	var names []string
	for _, item := range example.list() {
		names = append(names, item.text())
	}
	if f.Example = strings.Join(names, ","); names == nil && example.exists() {
		f.Example = strings.Trim(jsonLine(example.value), `"`)
	}
	return f
}

func errorOf(example node) templates.DocsError {
	return templates.DocsError{Status: example.get("x-status").text(), Code: example.name, About: spans(example.get("summary").text())}
}

func schemaOf(schema node) templates.DocsSchema {
	s := templates.DocsSchema{
		Name: schema.name, About: paragraphs(schema.get("description").text()),
		Type: typeOf(schema.unresolved()), Limits: limitsOf(schema.unresolved()),
	}
	if example := schema.get("examples").at(0); example.exists() {
		s.Example = jsonLine(example.value)
	}
	required := map[string]bool{}
	for _, name := range schema.get("required").list() {
		required[name.text()] = true
	}
	for _, p := range schema.get("properties").items() {
		f := templates.DocsField{Name: p.name, Required: required[p.name], Type: typeOf(p), Limits: limitsOf(p)}
		if text := p.unresolved().get("description"); text.exists() { // its own description, not the reference's
			f.About = spans(text.text())
		}
		s.Fields = append(s.Fields, f)
	}
	return s
}

// exampleOf is a body's example, JSON in lines of moderate length.
func exampleOf(media node) string {
	example := media.get("example")
	switch {
	case !example.exists():
		return ""
	case media.name == jsonMedia:
		return jsonText(example.value, "")
	}
	return strings.TrimSpace(example.text())
}

// typeWords are the words of the page for the types of JSON.
var typeWords = map[string]string{
	"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "object", "array": "list", "null": "null",
}

// typeOf returns a value's type; a reference becomes a link.
func typeOf(schema node) templates.DocsText {
	if !schema.exists() {
		return nil
	}
	if name := schema.refers(); name != "" {
		return templates.DocsText{{Text: name, Href: "#schema-" + name}}
	}
	schema = schema.unresolved()
	word := func(text string) templates.DocsText { return templates.DocsText{{Text: text}} }
	var of []templates.DocsText
	switch {
	case schema.get("const").exists():
		return templates.DocsText{{Text: jsonLine(schema.get("const").value), Code: true}}
	case schema.get("enum").exists():
		for _, value := range schema.get("enum").list() {
			of = append(of, templates.DocsText{{Text: value.text(), Code: true}})
		}
	case schema.get("items").exists():
		of = append(of, append(word("list of "), typeOf(schema.get("items"))...))
		if len(schema.get("type").list()) > 0 {
			of = append(of, word("null"))
		}
	case schema.get("contentSchema").exists():
		return append(word("JSON in a text: "), typeOf(schema.get("contentSchema"))...)
	case schema.get("type").exists():
		kinds := schema.get("type").list()
		if len(kinds) == 0 {
			kinds = []node{schema.get("type")}
		}
		for _, kind := range kinds {
			of = append(of, word(typeWords[kind.text()]))
		}
	case schema.get("oneOf").exists() || schema.get("anyOf").exists():
		for _, choice := range append(schema.get("oneOf").list(), schema.get("anyOf").list()...) {
			of = append(of, typeOf(choice))
		}
	default:
		return word("any JSON")
	}
	out := of[0]
	for _, more := range of[1:] {
		out = append(append(out, word(" or ")...), more...)
	}
	return out
}

// limitsOf returns a value's limits beside its type.
func limitsOf(schema node) string {
	schema = schema.unresolved()
	var out []string
	for _, limit := range []struct{ key, form string }{
		{"minimum", "from %s"}, {"minLength", "at least %s long"}, {"maxLength", "at most %s long"},
		{"minItems", "at least %s"}, {"maxItems", "at most %s"}, {"default", "%s by default"},
	} {
		if value := schema.get(limit.key); value.exists() {
			out = append(out, fmt.Sprintf(limit.form, value.text()))
		}
	}
	return strings.Join(out, ", ")
}

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
