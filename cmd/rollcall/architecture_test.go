package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// Every file and function in the tables of docs/architecture.md exists.
func TestArchitectureNamesWhatExists(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := func(heading string) (rows [][]string) {
		_, rest, _ := strings.Cut(string(text), "\n## "+heading+"\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		for line := range strings.Lines(section) {
			if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) == 5 && !strings.HasPrefix(cells[1], "---") {
				rows = append(rows, cells[1:4])
			}
		}
		if len(rows) < 10 {
			t.Fatalf("the table below %q has %d rows", heading, len(rows))
		}
		return rows[1:]
	}
	names := func(cell string) (list []string) {
		for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
			list = append(list, m[1])
		}
		return list
	}
	exists := func(pattern string) bool {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		return err == nil && len(found) > 0
	}

	for _, row := range rows("Where to look first") {
		file := names(row[1])[0]
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		for _, name := range names(row[2]) {
			switch {
			case strings.Contains(name, "/"):
				if !exists(name) {
					t.Errorf("%s does not exist", name)
				}
			case !regexp.MustCompile(`(?m)^func (\([^)]+\) )?` + name + `\(`).Match(source):
				t.Errorf("%s has no function %s", file, name)
			}
		}
	}

	var packages []string
	for _, row := range rows("Packages and files") {
		if list := names(row[0]); len(list) > 0 {
			packages = list
		}
		for _, dir := range packages {
			if !exists(dir) {
				t.Errorf("%s does not exist", dir)
			}
		}
		for _, name := range names(row[1]) {
			path := packages[0] + "/" + name
			if !exists(path) && !exists(path+".go") && !exists(path+"_*.go") {
				t.Errorf("%s does not exist", path)
			}
		}
	}
}
