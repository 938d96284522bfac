package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

//go:generate go test -run ^TestConfigurationDocument$ . -update

var update = flag.Bool("update", false, "write the generated part of docs/configuration.md")

// The tables of docs/configuration.md are made from serve's flags, so that the two can't differ.
func TestConfigurationDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "configuration.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- settings -->\n", "<!-- end of settings -->"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s lacks %q or %q", path, begin, end)
	}
	want := head + begin + settingsTables() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s is not current; run make generate", path)
	}
}

// settingsTables has a table for each group of serve's flags.
func settingsTables() string {
	var b strings.Builder
	group := ""
	for _, flag := range newParser(&cli{}, &settings{}).Model.Children[0].Flags {
		if !settable(flag) {
			continue
		}
		if flag.Group.Title != group {
			group = flag.Group.Title
			fmt.Fprintf(&b, "\n### %s\n\n| Flag | Default | |\n|---|---|---|\n", group)
		}
		initial := ""
		if flag.Default != "" {
			initial = "`" + flag.Default + "`"
		}
		help := strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(flag.Help)
		fmt.Fprintf(&b, "| `--%s` | %s | %s |\n", flag.Name, initial, help)
	}
	return b.String() + "\n"
}

// The sample configuration of both documents is one.
func TestSampleConfiguration(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "docs/configuration.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		sample := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
		if sample == nil {
			t.Fatalf("%s has no sample configuration", name)
		}
		if c, _, err := parse(t, string(sample[1]), nil); err != nil || c.HistoryBudget != gib {
			t.Errorf("the sample of %s gives %+v, %v", name, c, err)
		}
	}
}
