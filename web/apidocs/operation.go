package apidocs

import (
	"strings"

	"rollcall/templates"
)

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
		if errors := errorsOf(r); len(errors.Codes) > 0 {
			o.Errors = append(o.Errors, errors)
			continue
		}
		a := answerOf(r)
		o.Stream = o.Stream || a.Media == streamMedia
		o.Answers = append(o.Answers, a)
	}
	return o
}

// errorsOf returns the error codes of a response, none for an answer.
func errorsOf(response node) templates.DocsErrors {
	e := templates.DocsErrors{Status: response.name}
	for _, code := range response.get("content").at(0).get("examples").items() {
		e.Codes = append(e.Codes, code.name)
	}
	return e
}

func answerOf(response node) templates.DocsAnswer {
	media := response.get("content").at(0)
	a := templates.DocsAnswer{
		Status: response.name, About: spans(response.get("description").text()), Media: media.name, Type: typeOf(media.get("schema")),
		Example: exampleOf(media),
	}
	for _, h := range response.get("headers").items() {
		a.Headers = append(a.Headers, templates.DocsField{
			Name: h.name, Type: typeOf(h.get("schema")), About: spans(h.get("description").text()),
		})
	}
	for _, ev := range media.get("x-events").list() {
		a.Events = append(a.Events, templates.DocsEvent{
			Type: ev.get("type").text(), About: spans(ev.get("summary").text()), Data: typeOf(ev.get("data")),
		})
	}
	return a
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
