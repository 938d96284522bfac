package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/guarantees.md and docs/faults.md name is there, and every promise and fault names one.
func TestGuaranteesNameTheirTests(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"guarantees.md", "faults.md"} {
		t.Run(page, func(t *testing.T) { wantTests(t, page) })
	}
}

// wantTests checks the rows of a page in docs, up to its measurements.
func wantTests(t *testing.T, page string) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([\\w/]+)\\.((?:T|t)est\\w+|Fuzz\\w+)`")
	sources := make(map[string]string) // by package
	rows := 0
	attacked, _, _ := strings.Cut(string(text), "\n## Recovery\n")
	for line := range strings.Lines(attacked) {
		tests := named.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.Contains(line, "| tests |") {
			if rows++; len(tests) == 0 {
				t.Errorf("no test: %s", line)
			}
		}
		for _, m := range tests {
			if _, known := sources[m[1]]; !known {
				sources[m[1]] = testSources(t, filepath.Join(root, filepath.FromSlash(m[1])))
			}
			if !strings.Contains(sources[m[1]], "\nfunc "+m[2]+"(") {
				t.Errorf("%s has no %s", m[1], m[2])
			}
		}
	}
	if rows < 25 {
		t.Errorf("%d promises", rows)
	}
}

// testSources returns all Go files of a directory that have tests, joined.
func testSources(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n")
		all.Write(text)
	}
	return all.String()
}
