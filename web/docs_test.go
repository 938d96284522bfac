package web_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"rollcall/web"
	"rollcall/web/webtest"
)

// The page has all of the description: every operation with its parameters, answers and
// errors, every schema with its fields, every code.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	doc := loadSpec(t)
	srv := webtest.Start(t, web.Options{Version: "v1.2.3"})
	page := srv.Get("/docs").WantStatus(200).WantHeader("Content-Type", "text/html; charset=utf-8")
	if !strings.Contains(page.Header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Count(page.Body, "<script") != 1 {
		t.Error("the page has a script, or no policy")
	}
	text := html.UnescapeString(strings.ReplaceAll(page.Body, "<wbr>", ""))
	// part is the element with an id, up to the next one of its kind.
	part := func(id string) string {
		_, rest, found := strings.Cut(text, fmt.Sprintf("id=%q", id))
		if !found {
			t.Errorf("the page lacks #%s", id)
		}
		part, _, _ := strings.Cut(rest, "<article")
		return part
	}
	want := func(where, in, text string) {
		t.Helper()
		if !strings.Contains(in, text) {
			t.Errorf("%s lacks %q", where, text)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			text := part("op-" + op.OperationID)
			want("the contents", page.Body, fmt.Sprintf("href=%q", "#op-"+op.OperationID))
			want(name, text, ">"+method+"<")
			want(name, text, ">"+path+"</a>")
			want(name, text, op.Summary)
			want(name, text, "curl ")
			for _, p := range append(item.Parameters, op.Parameters...) {
				want(name, text, "<code>"+p.Value.Name+"</code> <span class=\"muted small\">"+p.Value.In+"<")
			}
			if op.RequestBody != nil {
				want(name, text, ">Body<")
				want(name, text, `data-testid="request"`)
			}
			for status, r := range op.Responses.Map() {
				for kind, media := range r.Value.Content {
					if len(media.Examples) == 0 {
						want(name, text, kind)
					}
					for code := range media.Examples {
						if status != "default" {
							want(name, text, fmt.Sprintf(`href="#error-%s"`, code))
						}
					}
					if media.Example != nil {
						want(name, text, `data-testid="answer"`)
					}
				}
				if status != "default" {
					want(name, text, ">"+status+"<")
				}
			}
			if r := op.Responses.Status(200); r != nil && r.Value.Content["text/event-stream"] != nil {
				for typ := range doc.events(op) {
					want(name, text, strings.Replace("<dt><code>"+typ+"</code></dt>", "<code>*</code>", "<em>any type</em>", 1))
				}
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		text := part("schema-" + name)
		for field := range schema.Value.Properties {
			want(name, text, "<code>"+field+"</code>")
		}
	}
	for code := range doc.Components.Examples {
		part("error-" + code)
	}
	for _, scheme := range doc.Components.SecuritySchemes {
		if scheme.Value.Name != "" {
			want("credentials", part("credentials"), "<code>"+scheme.Value.Name+"</code>")
		}
	}
	// Nothing was left of the Markdown, and every link leads somewhere.
	if left := regexp.MustCompile("`|\\]\\(").FindString(page.Body); left != "" {
		t.Errorf("the page has %q", left)
	}
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
		if !strings.Contains(page.Body, ` id="`+link[1]+`"`) {
			t.Errorf("nothing is at #%s", link[1])
		}
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
		if ids[id[1]] {
			t.Errorf("two elements are #%s", id[1])
		}
		ids[id[1]] = true
	}
}

// The commands are for the address that the visitor came to, whatever that is.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	srv := start(t)
	body := srv.Get("/docs").Body
	if !strings.Contains(body, "curl -N &#39;"+srv.URL+"/subscribe?channels=news,chat&amp;clientId=ada&#39;") {
		t.Error("no command to subscribe here")
	}
	if strings.Contains(body, docAddress) {
		t.Error("a command goes to the usual address")
	}
	hostile := srv.Get("/docs", "Host: x';reboot;'<script>").Body
	if strings.Contains(hostile, "<script>") || strings.Contains(hostile, "';reboot") {
		t.Error("a host came through as it was")
	}
}
