package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// spec is the API's description, to which requests and answers are held. Objects may
// have no fields that it doesn't know.
type spec struct {
	*openapi3.T
	t testing.TB
}

func loadSpec(t testing.TB) *spec {
	t.Helper()
	doc, err := readSpec()
	if err != nil {
		t.Fatal(err)
	}
	return &spec{doc, t}
}

// readSpec reads and checks it once: it takes a while.
var readSpec = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := os.ReadFile("apidocs/openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	no := false
	for _, schema := range doc.Components.Schemas {
		if len(schema.Value.Properties) > 0 {
			schema.Value.AdditionalProperties = openapi3.BoolSchema{Has: &no}
		}
	}
	return doc, doc.Validate(context.Background())
})

// operation finds what a path and method lead to.
func (s *spec) operation(method, path string) (*routers.Route, map[string]string) {
	s.t.Helper()
	parts := strings.Split(path, "/")
	for _, template := range s.Paths.InMatchingOrder() {
		params, names := map[string]string{}, strings.Split(template, "/")
		if len(names) != len(parts) {
			continue
		}
		same := true
		for i, name := range names {
			if strings.HasPrefix(name, "{") {
				params[strings.Trim(name, "{}")], _ = url.PathUnescape(parts[i])
			} else if name != parts[i] {
				same = false
			}
		}
		if item := s.Paths.Value(template); same && item.GetOperation(method) != nil {
			return &routers.Route{Spec: s.T, Path: template, PathItem: item, Method: method, Operation: item.GetOperation(method)}, params
		}
	}
	s.t.Fatalf("the description has no %s %s", method, path)
	return nil, nil
}

// request checks a request against the description: nil if it is allowed.
func (s *spec) request(method, target, body string, header ...string) (*openapi3filter.RequestValidationInput, error) {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://127.0.0.1"+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Add(name, value)
	}
	route, params := s.operation(method, req.URL.EscapedPath())
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
	}}
	return in, openapi3filter.ValidateRequest(s.t.Context(), in)
}

// wantAnswer wants an answer as described: status, headers, body and, of an error, its
// code. The body of a stream is for wantEvent.
func (s *spec) wantAnswer(in *openapi3filter.RequestValidationInput, status int, header http.Header, body string) {
	s.t.Helper()
	what := fmt.Sprintf("%s %.100s: %d %.300s", in.Request.Method, in.Request.URL, status, body)
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: in.Options}
	answer.SetBodyBytes([]byte(body))
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if kind != "application/json" { // the others have no decoder
		answer.Options = &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: true}
	}
	if err := openapi3filter.ValidateResponse(s.t.Context(), answer); err != nil {
		s.t.Errorf("%s\n%v", what, err)
		return
	}
	responses := in.Route.Operation.Responses
	response := responses.Status(status)
	if response == nil {
		response = responses.Default()
	}
	if kinds := response.Value.Content; kind == "" && len(kinds) > 0 || kind != "" && kinds[kind] == nil {
		s.t.Errorf("%s\nContent-Type %q", what, kind)
	}
	if status < 400 {
		return
	}
	var got struct{ Error struct{ Code string } }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		s.t.Errorf("%s\n%v", what, err)
	}
	example := response.Value.Content[kind].Examples[got.Error.Code]
	if example == nil {
		example = responses.Default().Value.Content[kind].Examples[got.Error.Code]
	}
	if example == nil || fmt.Sprint(example.Value.Extensions["x-status"]) != fmt.Sprint(status) {
		s.t.Errorf("%s\nthe description does not have this code for this operation", what)
	}
}

// events are the types of events on a stream, with the schemas of their data.
func (s *spec) events(op *openapi3.Operation) map[string]*openapi3.Schema {
	s.t.Helper()
	list, _ := op.Responses.Status(200).Value.Content["text/event-stream"].Extensions["x-events"].([]any)
	out := map[string]*openapi3.Schema{}
	for _, e := range list {
		ev := e.(map[string]any)
		ref := ev["data"].(map[string]any)["$ref"].(string)
		schema := s.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
		if schema == nil || ev["summary"] == nil {
			s.t.Fatalf("%s: event %v", op.OperationID, ev)
		}
		out[ev["type"].(string)] = schema.Value
	}
	return out
}

// wantEvent wants an event of a stream as described, JSON in texts too.
func (s *spec) wantEvent(op *openapi3.Operation, ev webtest.Event) {
	s.t.Helper()
	kinds := s.events(op)
	schema := kinds[ev.Type]
	if schema == nil {
		schema = kinds["*"]
	}
	if schema == nil {
		s.t.Errorf("%s: no event %q is described", op.OperationID, ev)
		return
	}
	var value any = ev.Data
	if schema.Properties != nil {
		if err := json.Unmarshal([]byte(ev.Data), &value); err != nil {
			s.t.Errorf("%q: %v", ev, err)
		}
	}
	s.wantValue(schema, value)
}

func (s *spec) wantValue(schema *openapi3.Schema, value any) {
	s.t.Helper()
	if err := schema.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
		s.t.Errorf("%v\n%v", value, err)
	}
	fields, _ := value.(map[string]any)
	for name, p := range schema.Properties {
		if text, ok := fields[name].(string); ok && p.Value.ContentSchema != nil {
			var inner any
			if err := json.Unmarshal([]byte(text), &inner); err != nil {
				s.t.Errorf("%s: %v", text, err)
			}
			s.wantValue(p.Value.ContentSchema.Value, inner)
		}
	}
}

func TestSpecIsValid(t *testing.T) {
	doc := loadSpec(t)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil || op.Extensions["x-codeSamples"] == nil {
				t.Errorf("%s %s lacks something that all operations have", method, path)
			}
			for _, p := range append(item.Parameters, op.Parameters...) {
				if p.Value.Description == "" || p.Value.Example == nil && p.Value.Content == nil {
					t.Errorf("%s %s: %s lacks a description or an example", method, path, p.Value.Name)
				}
			}
			for status, r := range op.Responses.Map() {
				for kind, media := range r.Value.Content {
					if kind == "application/json" && media.Example == nil && len(media.Examples) == 0 {
						t.Errorf("%s %s: the answer %s lacks an example", method, path, status)
					}
					for code, example := range media.Examples {
						if status != "default" && fmt.Sprint(example.Value.Extensions["x-status"]) != status {
							t.Errorf("%s %s: the code %s is not of status %s", method, path, code, status)
						}
					}
					if kind == "text/event-stream" && len((&spec{doc.T, t}).events(op)) < 2 {
						t.Errorf("%s %s: the stream lacks its events", method, path)
					}
				}
			}
		}
	}
	for name, example := range doc.Components.Examples {
		fault, _ := example.Value.Value.(map[string]any)["error"].(map[string]any)
		if fault["code"] != name || example.Value.Summary == "" {
			t.Errorf("the example of %s is %v", name, example.Value.Value)
		}
	}
}

// The description has every route of the server, and no other. Those of pages, their
// parts and the admin UI are not the API's.
func TestSpecHasEveryRoute(t *testing.T) {
	srv := start(t)
	doc := loadSpec(t)
	served := map[string]bool{}
	head := map[string]bool{}
	for _, r := range srv.Handler().(*gin.Engine).Routes() {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}")
		switch {
		case path == "/" || strings.HasPrefix(path, "/admin") || strings.HasPrefix(path, "/assets/") || strings.HasPrefix(path, "/demo"):
		case r.Method == http.MethodHead:
			head["GET "+strings.TrimSuffix(path, "/")] = true
		default:
			served[r.Method+" "+strings.TrimSuffix(path, "/")] = true
		}
	}
	described := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		if item.Extensions["x-query"] != nil { // OpenAPI 3.1 has no such method
			described["QUERY "+path] = true
		}
		for method, op := range item.Operations() {
			name := method + " " + path
			described[name] = true
			if !served[name] {
				t.Errorf("%s is described, and there is no such route", name)
			}
			stream := op.Responses.Status(200) != nil && op.Responses.Status(200).Value.Content["text/event-stream"] != nil
			if method == http.MethodGet && head[name] == stream {
				t.Errorf("%s: HEAD is answered: %t", name, head[name])
			}
		}
	}
	for name := range served {
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
	}
}

// The error codes are those of docs/protocol.md, each with its status, but for the
// admin UI's.
func TestSpecHasEveryError(t *testing.T) {
	text, err := os.ReadFile(protocolDoc)
	if err != nil {
		t.Fatal(err)
	}
	documented, described := map[string]string{}, map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([45]\d\d) \| ([^|]*) \|(.*)$`).FindAllStringSubmatch(string(text), -1) {
		for _, code := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(row[2], -1) {
			if !strings.Contains(row[3], "admin UI") {
				documented[code[1]] = row[1]
			}
		}
	}
	for code, example := range loadSpec(t).Components.Examples {
		described[code] = fmt.Sprint(example.Value.Extensions["x-status"])
	}
	if !maps.Equal(documented, described) {
		for code, status := range documented {
			if described[code] != status {
				t.Errorf("%s is documented as %s and described as %q", code, status, described[code])
			}
		}
		for code := range described {
			if documented[code] == "" {
				t.Errorf("%s is described and not documented", code)
			}
		}
	}
}

// The description and the server agree on names.
func TestSpecNames(t *testing.T) {
	doc := loadSpec(t)
	for name, check := range map[string]func(string) error{"ChannelName": eventlog.CheckChannel, "EventType": eventlog.CheckType} {
		for _, text := range []string{
			"a", "room.42", "a b", " a", "a ", "\ta", "", "a,b", "*", ">", "a.*", "a.>", ">.a", "a.*.b", "a*", "**", "a.>>", "a..b", ".", "..*", "$a", "a$",
			"a\x00", "a\n", "a\u0085", "ä", "registered", "gap", "presence", "online-presence", strings.Repeat("x", 64), strings.Repeat("x", 255), strings.Repeat("x", 256),
		} {
			described := doc.Components.Schemas[name].Value.VisitJSON(text, openapi3.EnableJSONSchema2020())
			if served := check(text); (served == nil) != (described == nil) {
				t.Errorf("%s %q: the server says %v, the description %v", name, text, served, described)
			}
		}
	}
}

func TestSpecIsServed(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("apidocs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []web.Options{{}, {NoCompat: true}, {CORSOrigins: []string{"https://app.example"}}} {
		srv := webtest.Start(t, opts)
		a := srv.Get("/openapi.yaml", "Origin: https://other.example", "Sec-Fetch-Site: cross-site").WantStatus(200).
			WantHeader("Content-Type", "application/yaml").WantHeader("Access-Control-Allow-Origin", "*").
			WantHeader("Cross-Origin-Resource-Policy", "cross-origin").WantHeader("X-Content-Type-Options", "nosniff")
		if a.Body != string(want) {
			t.Error("it is another file")
		}
		srv.Get("/openapi.yaml", "If-None-Match: "+a.Header.Get("ETag")).WantStatus(304)
		srv.Get("/openapi.yaml", "Accept-Encoding: gzip").WantStatus(200).WantHeader("Content-Encoding", "gzip")
		srv.Do("HEAD", "/openapi.yaml", "").WantStatus(200)
	}
}

// sample is a request that a curl command makes.
type sample struct {
	method, target, body string
	header               []string
}

// samples are the commands of the description, by operation.
func (s *spec) samples() map[string]sample {
	s.t.Helper()
	out := map[string]sample{}
	for _, item := range s.Paths.Map() {
		for _, op := range item.Operations() {
			command := op.Extensions["x-codeSamples"].([]any)[0].(map[string]any)["source"].(string)
			if strings.Count(command, "'"+docAddress+"/") != 1 {
				s.t.Errorf("%s: an address between single quotes is what the page can change", command)
			}
			r := sample{method: http.MethodGet}
			args := words.FindAllStringSubmatch(strings.ReplaceAll(command, "\\\n", ""), -1)
			for i := 1; i < len(args); i++ {
				value := func() string { i++; return args[i][1] + args[i][2] }
				switch flag := args[i][1] + args[i][2]; flag {
				case "-N", "-O":
				case "-X":
					r.method = value()
				case "-H":
					r.header = append(r.header, value())
				case "-d":
					if r.body = value(); r.method == http.MethodGet {
						r.method = http.MethodPost
					}
				default:
					target, ok := strings.CutPrefix(flag, docAddress)
					if !ok {
						s.t.Fatalf("%s: what is %s?", command, flag)
					}
					r.target = target
				}
			}
			out[op.OperationID] = r
		}
	}
	return out
}

// exchange makes a request and checks both it and the answer against the description. A stream is read until events of
// all these types have come; their types are returned, without repetitions.
func (s *spec) exchange(srv *webtest.Server, r sample, until ...string) string {
	s.t.Helper()
	in, err := s.request(r.method, r.target, r.body, r.header...)
	if err != nil {
		s.t.Errorf("%s %s: %v", r.method, r.target, err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, srv.URL+r.target, strings.NewReader(r.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range r.header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: webtest.Patience}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		var body bytes.Buffer
		if _, err := io.Copy(&body, resp.Body); err != nil {
			s.t.Fatal(err)
		}
		s.wantAnswer(in, resp.StatusCode, resp.Header, body.String())
		return body.String()
	}
	s.wantAnswer(in, resp.StatusCode, resp.Header, "")
	var types []string
	seen := func(typ string) bool { return slices.Contains(types, typ) }
	for events := webtest.NewParser(resp.Body); slices.ContainsFunc(until, func(typ string) bool { return !seen(typ) }); {
		ev, err := events.Next()
		if err != nil {
			s.t.Fatalf("%s %s, after %q: %v", r.method, r.target, types, err)
		}
		s.wantEvent(in.Route.Operation, ev)
		types = append(types, ev.Type)
	}
	return strings.Join(slices.Compact(types), " ")
}
