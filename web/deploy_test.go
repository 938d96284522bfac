package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	"rollcall/web"
	"rollcall/web/webtest"
)

// ruleFile is what Prometheus reads.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// board is what Grafana loads, as far as it is looked at here.
type board struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ H, W, X, Y int }
	Datasource  struct{ Type, UID string }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ Type, UID string }
	}
}

func alerts(t *testing.T) (file ruleFile) {
	t.Helper()
	text, err := os.ReadFile("../docs/deploy/alerts.yaml")
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &file, yaml.Strict())
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func dashboard(t *testing.T) (b board) {
	t.Helper()
	text, err := os.ReadFile("../docs/deploy/grafana.json")
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantMetrics checks that the expression names metrics that the server has, and at least one.
func wantMetrics(t *testing.T, where, expr string, exported map[string]bool) {
	t.Helper()
	names := regexp.MustCompile(`\b(rollcall|go|process)_\w+`).FindAllString(expr, -1)
	for _, name := range names {
		if !exported[name] {
			t.Errorf("%s: the server has no %s", where, name)
		}
	}
	if len(names) == 0 && !strings.Contains(expr, "up{") {
		t.Errorf("%s names no metric: %s", where, expr)
	}
}

// exportedNames returns the names of all series that a server has.
func exportedNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	output := webtest.Start(t, web.Options{}).Get("/metrics").WantStatus(200).Body
	for _, line := range regexp.MustCompile(`(?m)^(\w+)[{ ]`).FindAllStringSubmatch(output, -1) {
		names[line[1]] = true
	}
	return names
}

// said is an annotation as Prometheus fills it in.
func said(t *testing.T, text string) string {
	t.Helper()
	number := func(v float64) string { return fmt.Sprint(v) }
	tmpl, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"humanize": number, "humanize1024": number, "humanizeDuration": number, "humanizePercentage": number,
	}).Parse(`{{$labels := .Labels}}{{$value := .Value}}` + text)
	var b strings.Builder
	if err == nil {
		err = tmpl.Execute(&b, map[string]any{"Value": 7.0, "Labels": map[string]string{"instance": "host:9090", "result": "busy", "kind": "streams", "alarm": "stalled"}})
	}
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return b.String()
}

// The rules are about metrics that there are, and say what they mean. That they are PromQL is tested in web/clients.
func TestAlerts(t *testing.T) {
	t.Parallel()
	exported := exportedNames(t)
	var seen []string
	for _, group := range alerts(t).Groups {
		for _, rule := range group.Rules {
			wantMetrics(t, rule.Alert, rule.Expr, exported)
			if !regexp.MustCompile(`^(|\d+[sm])$`).MatchString(rule.For) || !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
				t.Errorf("%s: for %q, labels %v", rule.Alert, rule.For, rule.Labels)
			}
			for _, name := range []string{"summary", "description"} {
				text := said(t, rule.Annotations[name])
				if len(text) < 20 || strings.Contains(text, "<no value>") {
					t.Errorf("%s has the %s %q", rule.Alert, name, text)
				}
			}
			seen = append(seen, rule.Alert)
		}
	}
	all := len(seen)
	if slices.Sort(seen); len(slices.Compact(seen)) != all || all < 9 {
		t.Errorf("the alerts are %v", seen)
	}
}

// The dashboard loads: it has Grafana's required fields, its panels do not overlap and query existing metrics.
func TestDashboard(t *testing.T) {
	t.Parallel()
	exported := exportedNames(t)
	b := dashboard(t)
	if b.Title == "" || b.UID == "" || b.SchemaVersion < 36 {
		t.Errorf("%q, %q, schema %d", b.Title, b.UID, b.SchemaVersion)
	}
	if v := b.Templating.List; len(v) == 0 || v[0].Name != "datasource" || v[0].Type != "datasource" || v[0].Query != "prometheus" {
		t.Errorf("the data source can't be chosen: %+v", v)
	}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range b.Panels {
		if ids[p.ID] || p.ID == 0 || p.Title == "" {
			t.Errorf("%q has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("%q is where %q is, at %d,%d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Description == "" || p.Datasource.UID != "${datasource}" {
			t.Errorf("%q: %+v", p.Title, p)
		}
		for _, target := range p.Targets {
			wantMetrics(t, p.Title, target.Expr, exported)
			if target.Datasource.UID != "${datasource}" || target.RefID == "" {
				t.Errorf("%q: %+v", p.Title, target)
			}
		}
	}
	if len(ids) < 20 {
		t.Errorf("only %d panels", len(ids))
	}
}
