package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Imports point down: cmd → web → hub, presence → hub/eventlog. layers says which packages of this module a package
// may import; "x/..." is x and everything below it. The longest matching line counts.
var layers = map[string][]string{
	"cmd/...":          {"cmd/...", "docs", "web", "web/auth", "web/hooks", "web/login", "web/sso", "hub/...", "presence", "templates"},
	"web":              {"web/...", "docs", "hub/...", "presence/...", "templates"},
	"web/webtest":      {"web/...", "hub/...", "presence/..."},
	"web/node":         {"web/privatefile", "web/totals", "hub/...", "presence/..."},
	"web/hooks":        {"web/auth", "hub/eventlog", "hub/outbox", "presence/..."},
	"web/reply":        {"web/totals", "hub/eventlog", "templates"},
	"web/gate":         {"web/totals", "web/auth", "web/node", "web/reply"},
	"web/stream":       {"web/auth", "web/gate", "web/node", "web/reply", "hub/...", "presence"},
	"web/h2":           {"hub"},
	"web/publish":      {"web/auth", "web/gate", "web/node", "web/reply", "hub/eventlog"},
	"web/api":          {"web/auth", "web/gate", "web/node", "web/publish", "web/reply", "web/stream", "hub/...", "presence"},
	"web/compat":       {"web/auth", "web/gate", "web/node", "web/publish", "web/reply", "web/stream", "hub/...", "templates"},
	"web/alarms":       {},
	"web/admin":        {"web/alarms", "web/auth", "web/gate", "web/hooks", "web/livepage", "web/login", "web/node", "web/privatefile", "web/publish", "web/reply", "web/sso", "web/stream", "web/totals", "hub/...", "presence/...", "templates"},
	"web/metrics":      {"web/alarms", "web/auth", "web/gate", "web/hooks", "web/node", "web/publish", "web/reply", "web/stream", "web/totals", "hub"},
	"web/apidocs":      {"web/assets", "web/gate", "web/reply", "hub/eventlog", "templates"},
	"web/assets":       {"web/reply"},
	"web/client":       {"web/assets"},
	"web/totals":       {},
	"web/livepage":     {"templates"},
	"web/auth":         {"web/privatefile", "hub/eventlog"},
	"web/login":        {"web/privatefile", "hub/eventlog"},
	"web/privatefile":  {},
	"web/sso":          {},
	"presence/...":     {"presence/...", "hub/eventlog/..."},
	"hub/...":          {"hub/eventlog"},
	"hub/outbox/...":   {"hub/outbox/..."},
	"hub/disklog":      {"hub/eventlog", "hub/outbox"},
	"hub/eventlog/...": {"hub/eventlog/..."},
	"hub/jetlog/...":   {"hub/outbox", "hub/eventlog", "hub/jetlog/...", "presence/peers"},
	"templates/...":    {},
	"docs/...":         {},
}

// homes says which packages may import a dependency. Others are free, except in standardOnly.
var homes = map[string][]string{
	"github.com/alecthomas/kong": {"cmd/..."},
	"github.com/goccy/go-yaml":   {"cmd/...", "web/apidocs"},
	"github.com/gin-gonic":       {"web/..."},
	"github.com/gin-contrib":     {"web/..."},
	"github.com/gorilla":         {"web/..."},
	"github.com/a-h/templ":       {"web/...", "templates/..."},
	"github.com/nats-io":         {"hub/jetlog/..."},
	"github.com/golang-jwt":      {"web/auth"},
	"github.com/MicahParks":      {"web/auth"},
	"golang.org/x/crypto":        {"web/login"},
	"golang.org/x/net":           {"web/auth", "web/h2"},
	"github.com/prometheus":      {"web/metrics"},
	"github.com/tidwall/btree":   {"hub/eventlog"},
	"golang.org/x/time":          {"web/auth"},
	"golang.org/x/sync":          {"web/auth", "web/sso"},
	"github.com/coreos/go-oidc":  {"web/sso", "web/webtest"},
	"golang.org/x/oauth2":        {"web/sso"},
	"github.com/cockroachdb":     {"hub/disklog"},
	"golang.org/x/sys":           {"cmd/...", "hub", "hub/disklog", "web/..."},
	"golang.org/x/term":          {"cmd/rollcall"},
	"github.com/tmaxmax/go-sse":  {"cmd/...", "web/publish"},
	// All of web but web/node, which is a server without HTTP.
	"net/http": {"cmd/...", "hub/jetlog", "web", "web/reply", "web/gate", "web/stream", "web/publish", "web/api", "web/compat",
		"web/admin", "web/h2", "web/metrics", "web/apidocs", "web/assets", "web/auth", "web/hooks", "web/login", "web/sso", "web/livepage", "web/webtest"},
	"rollcall/hub/jetlog":         {"cmd/...", "hub/jetlog/..."},              // the NATS client comes with it
	"rollcall/cmd/rollcall/bench": {"cmd/rollcall", "cmd/rollcall/bench/..."}, // a load tool, no part of the server

	"code.dny.dev/ssrf":            {"web/hooks"},
	"github.com/standard-webhooks": {"web/hooks"},

	"github.com/dustin":   {"web/admin"},
	"github.com/mileusna": {"web/admin"},

	"go.opentelemetry.io/otel":           {"cmd/rollcall", "web", "web/node", "web/publish"},
	"go.opentelemetry.io/otel/exporters": {"cmd/rollcall"},
	"go.opentelemetry.io/otel/sdk":       {"cmd/rollcall"},
}

// standardOnly lists the packages that import nothing but the standard library and what is named here.
var standardOnly = map[string][]string{
	"hub":          {"golang.org/x/sys"},
	"hub/eventlog": {"github.com/tidwall/btree"},
	"presence":     {},
	"templates":    {"github.com/a-h/templ"},
	"web/login":    {"github.com/gorilla", "golang.org/x/crypto"},
	"web/node":     {"web/privatefile", "web/totals", "go.opentelemetry.io/otel"},
}

const module = "rollcall"

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	packages := modulePackages(t)
	if len(packages) < 5 {
		t.Fatalf("found only the packages %v", packages)
	}
	for dir, imports := range packages {
		allowed, ok := longest(layers, dir)
		if !ok {
			t.Errorf("%s is in no layer; add it to the list above", dir)
			continue
		}
		for _, path := range imports {
			inner, ours := strings.CutPrefix(path, module+"/")
			for dependency, users := range homes {
				if below(path, dependency) && !matchesAny(users, dir) {
					t.Errorf("%s imports %s, which belongs to %v", dir, path, users)
				}
			}
			switch {
			case ours && inner != dir && !matchesAny(allowed, inner):
				t.Errorf("%s imports %s; it may import %v", dir, inner, allowed)
			case !ours && strings.Contains(firstElement(path), "."):
				few, strict := standardOnly[dir]
				if strict && !slices.ContainsFunc(few, func(d string) bool { return below(path, d) }) {
					t.Errorf("%s imports %s; beyond the standard library it may import %v", dir, path, few)
				}
			}
		}
	}
}

func TestEveryPackageHasADocFile(t *testing.T) {
	t.Parallel()
	for dir := range modulePackages(t) {
		path := filepath.Join("..", "..", dir, "doc.go")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		} else if file.Doc == nil || len(file.Doc.Text()) < 40 {
			t.Errorf("%s/doc.go does not say what the package is for", dir)
		}
	}
}

// modulePackages returns the packages of this module by directory, with what their non-test files import.
func modulePackages(t *testing.T) map[string][]string {
	t.Helper()
	packages := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			nested := err == nil && path != root
			hidden := strings.HasPrefix(name, ".") && path != root && name != ".."
			if nested || hidden || name == "testdata" || name == "node_modules" || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		packages[dir] = slices.Grow(packages[dir], len(file.Imports)) // an entry, even without imports
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			packages[dir] = append(packages[dir], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// matches reports whether dir is pattern or, if that ends in "/...", below it.
func matches(pattern, dir string) bool {
	root, tree := strings.CutSuffix(pattern, "/...")
	return dir == root || tree && below(dir, root)
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, dir) })
}

// longest returns the entry of the longest pattern that dir matches.
func longest(table map[string][]string, dir string) (entry []string, ok bool) {
	best := ""
	for pattern := range table {
		if matches(pattern, dir) && len(pattern) > len(best) {
			best = pattern
		}
	}
	entry, ok = table[best]
	return entry, ok
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func firstElement(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}
