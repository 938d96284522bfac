package templates

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
)

// demoPages are the demo pages, by the names of their goldens.
func demoPages(v DemoView) map[string]templ.Component {
	return map[string]templ.Component{
		"demo":               Demo(v),
		"demo-chat":          DemoChat(v),
		"demo-answers":       DemoAnswers(v),
		"demo-notifications": DemoNotifications(v),
		"demo-time":          DemoTime(v),
	}
}

// A demo page has each id once, those among them that its modules look for, and names in its
// preloads all that its module loads.
func TestDemosHaveTheirHandles(t *testing.T) {
	scripts := map[string]string{"demo-chat": "demochat.js", "demo-notifications": "demonotifications.js", "demo-time": "demotime.js",
		"demo-answers": "demoanswers.js"}
	id := regexp.MustCompile(` id="([^"]*)"`)
	wanted := regexp.MustCompile(`byId\("([a-z-]+)"\)`)
	imported := regexp.MustCompile(`from "\.?(/[a-z]+\.js)"`)
	for name, page := range demoPages(DemoView{}) {
		text := render(t, page)
		ids := map[string]int{}
		for _, match := range id.FindAllStringSubmatch(text, -1) {
			if ids[match[1]]++; ids[match[1]] > 1 {
				t.Errorf("%s has #%s twice", name, match[1])
			}
		}
		if scripts[name] == "" {
			continue
		}
		script, err := os.ReadFile(filepath.Join("..", "web", "assets", scripts[name]))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range wanted.FindAllStringSubmatch(string(script), -1) {
			if ids[match[1]] == 0 {
				t.Errorf("%s lacks #%s", name, match[1])
			}
		}
		for _, match := range imported.FindAllStringSubmatch(string(script), -1) {
			if !strings.Contains(text, match[1]+`"`) {
				t.Errorf("%s doesn't preload %s", name, match[1])
			}
		}
	}
}

func TestDemosTakeHostileStringsAsText(t *testing.T) {
	plain := demoPages(DemoView{Version: "v", BaseURL: "http://h"})
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		want := shape(render(t, plain[name]))
		for _, s := range hostile {
			got := shape(render(t, demoPages(DemoView{Version: s, BaseURL: s})[name]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q changes the markup of %s (-want +got):\n%s", s, name, diff)
			}
		}
	}
}
