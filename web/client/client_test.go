package client

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func joinedModule(t *testing.T) string {
	t.Helper()
	script, err := joinModule(clientModule, "src")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// The parts become one scope when they are joined: a name that two of them declare is a syntax error.
func TestClientPartsDeclareEachNameOnce(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^(?:async )?(?:class|function|const|let) (\w+)`)
	seen := make(map[string]bool)
	for _, match := range declared.FindAllStringSubmatch(joinedModule(t), -1) {
		if seen[match[1]] {
			t.Errorf("two parts declare %s", match[1])
		}
		seen[match[1]] = true
	}
	for _, name := range []string{"Rollcall", "Leader", "Reader", "EventStream", "payloadOf", "pause"} {
		if !seen[name] {
			t.Errorf("no part declares %s", name)
		}
	}
}

// The joined module loads nothing, and exports what its types name.
func TestClientModuleIsOneFile(t *testing.T) {
	script := joinedModule(t)
	if found := regexp.MustCompile(`(?m)^(?:import|export .* from)\b.*`).FindString(script); found != "" {
		t.Errorf("the module still loads a part: %s", found)
	}
	var exported []string
	for _, match := range regexp.MustCompile(`(?m)^export (.*)`).FindAllStringSubmatch(script, -1) {
		name := regexp.MustCompile(`^\{ (\w+) \};$`).FindStringSubmatch(match[1])
		if name == nil {
			t.Errorf("the module has export %s", match[1])
			continue
		}
		exported = append(exported, name[1])
	}
	types, err := clientModule.ReadFile("rollcall.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, match := range regexp.MustCompile(`(?m)^export (?:class|function) (\w+)`).FindAllStringSubmatch(string(types), -1) {
		named = append(named, match[1])
	}
	slices.Sort(exported)
	slices.Sort(named)
	if !slices.Equal(exported, named) {
		t.Errorf("the module exports %s, its types name %s", strings.Join(exported, ", "), strings.Join(named, ", "))
	}
}
