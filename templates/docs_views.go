package templates

import (
	"cmp"
	"strings"
)

// DocsView is the page about the API, made from its OpenAPI description. Its texts are trusted; only BaseURL may come
// from a visitor.
type DocsView struct {
	Version string // as in StartView
	BaseURL string // as in StartView
	Admin   bool   // as in StartView

	Title       string
	Summary     string
	Intro       []DocsText
	Groups      []DocsGroup
	Credentials []DocsField
	Errors      []DocsError // all error codes
	AnyErrors   []DocsError // errors of every request
	Schemas     []DocsSchema
}

// DocsText is a line of text; a span with Href is a link, one with Code is monospaced.
type DocsText []DocsSpan

// DocsSpan is a piece of a DocsText.
type DocsSpan struct {
	Text string
	Href string
	Code bool
}

// DocsGroup is the operations of one tag.
type DocsGroup struct {
	Anchor     string
	Name       string
	About      []DocsText
	Operations []DocsOperation
}

// DocsOperation is a method of a path.
type DocsOperation struct {
	Anchor     string
	Method     string
	Path       string
	Summary    string
	About      []DocsText
	Open       bool // it needs no credentials
	Stream     bool // its answer is a stream of events
	Parameters []DocsField
	Body       *DocsBody // nil for none
	Answers    []DocsAnswer
	Errors     []DocsErrors
	Sample     string // a curl command to DefaultBaseURL, between single quotes
}

// DocsField is a parameter, a header, or a property of a schema.
type DocsField struct {
	Name     string
	In       string // query, header or path; empty for a property
	Required bool
	Type     DocsText
	Limits   string // "at most 255 characters"
	About    DocsText
	Example  string
}

// DocsBody is the body of a request.
type DocsBody struct {
	About   DocsText
	Media   string
	Type    DocsText
	Example string
}

// DocsAnswer is a successful response.
type DocsAnswer struct {
	Status  string
	About   DocsText
	Media   string   // empty for no body
	Type    DocsText // of a body that is not a stream
	Headers []DocsField
	Events  []DocsEvent
	Example string
}

// DocsEvent is a type of event on a stream. "*" is any published type.
type DocsEvent struct {
	Type  string
	About DocsText
	Data  DocsText
}

// DocsErrors are the error codes of an operation for one status.
type DocsErrors struct {
	Status string
	Codes  []string
}

// DocsError is an error code.
type DocsError struct {
	Status string
	Code   string
	About  DocsText
}

// DocsSchema is the form of a value.
type DocsSchema struct {
	Name    string
	About   []DocsText
	Type    DocsText // empty for an object with Fields
	Limits  string
	Fields  []DocsField
	Example string
}

// here returns a command with the visitor's address of the server.
func (v DocsView) here(command string) string {
	base := cmp.Or(strings.TrimRight(v.BaseURL, "/"), DefaultBaseURL)
	return strings.ReplaceAll(command, DefaultBaseURL, shellQuoted(base))
}

// tone returns the colour of a method.
func (o DocsOperation) tone() string {
	switch o.Method {
	case "POST":
		return "ok"
	case "DELETE":
		return "bad"
	}
	return "accent"
}

// statusTone returns the colour of an error's status.
func statusTone(status string) string {
	if strings.HasPrefix(status, "5") {
		return "bad"
	}
	return "warn"
}
