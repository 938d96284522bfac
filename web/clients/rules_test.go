package clients

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/promql/parser"
)

// deployed is the directory of the dashboard and the alerts.
const deployed = "../../docs/deploy/"

// Every alert's expression is PromQL, and compares: it says when, not how much.
func TestAlertQueries(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(deployed + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	queries := parser.NewParser(parser.Options{})
	n := 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			n++
			expr, err := queries.ParseExpr(rule.Expr)
			if err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
				continue
			}
			if _, ok := expr.(*parser.BinaryExpr); !ok || expr.Type() != parser.ValueTypeVector {
				t.Errorf("%s compares nothing: %s", rule.Alert, rule.Expr)
			}
		}
	}
	if n == 0 {
		t.Fatal("there are no alerts")
	}
}

// Every expression of the dashboard is PromQL once Grafana has put in its variables.
func TestDashboardQueries(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(deployed + "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	queries := parser.NewParser(parser.Options{})
	n := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			n++
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			if _, err := queries.ParseExpr(expr); err != nil {
				t.Errorf("%s: %s: %v", p.Title, target.Expr, err)
			}
			if strings.Contains(expr, "$") {
				t.Errorf("%s has a variable that the dashboard does not have: %s", p.Title, expr)
			}
		}
	}
	if n == 0 {
		t.Fatal("there are no queries")
	}
}
