package apidocs

import (
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
	view.Version, view.BaseURL, view.Admin = d.version, d.gate.BaseURL(c.Request), d.admin()
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

func errorOf(example node) templates.DocsError {
	return templates.DocsError{Status: example.get("x-status").text(), Code: example.name, About: spans(example.get("summary").text())}
}
