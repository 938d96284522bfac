package apidocs

import (
	"fmt"
	"strings"

	"rollcall/templates"
)

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
