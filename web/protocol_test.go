package web_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const protocolDoc = "../docs/protocol.md"

// The examples of docs/protocol.md do what it says.
func TestProtocolExamples(t *testing.T) {
	text, err := os.ReadFile(protocolDoc)
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t)
	c.restart()
	section := ""
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if flags, ok := strings.CutPrefix(line, "<!-- server: "); ok {
			c.restart(strings.Fields(strings.TrimSuffix(flags, " -->"))...)
		} else if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
			c.restart()
		} else if screen, ok := strings.CutPrefix(line, "```console"); ok {
			begin := i + 1
			for i = begin; lines[i] != "```"; i++ {
			}
			t.Logf("%s, line %d", section, begin)
			c.block(strings.TrimSpace(screen), lines[begin:i])
		}
	}
	if want := strings.Count(string(text), "$ curl "); c.ran != want {
		t.Errorf("%d commands were run, the document has %d", c.ran, want)
	}
}

// docs/protocol.md names every error code, and no other.
func TestProtocolNamesErrors(t *testing.T) {
	text, err := os.ReadFile(protocolDoc)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| [45]\d\d \| ([^|]*) \|`).FindAllStringSubmatch(string(text), -1) {
		for _, code := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(row[1], -1) {
			documented[code[1]] = true
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("*/*.go")
	files = append(files, below...)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	code := regexp.MustCompile(`(?:\bInvalid\(|[Ll]imited\(c, [\w.]+, |http\.Status\w+, (?:Code: )?)"([a-z_]+)"`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(source), -1) {
			used[m[1]] = true
			if !documented[m[1]] {
				t.Errorf("%s: the code %s is not documented", name, m[1])
			}
		}
	}
	for name := range documented {
		if !used[name] {
			t.Errorf("the documented code %s is not used", name)
		}
	}
}
