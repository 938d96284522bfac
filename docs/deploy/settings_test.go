package deploy

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every flag and variable of Rollcall that is named in these files exists.
func TestSettingsExist(t *testing.T) {
	known := map[string]bool{"--ready": true, "--server": true} // of health
	for _, command := range [][]string{{"serve"}, {"key", "new"}, {"token", "new"}} {
		help, err := exec.Command(binary, append(command, "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`--[a-z][a-z0-9-]+`).FindAllString(string(help), -1) {
			known[flag] = true
		}
	}
	flags, variables := regexp.MustCompile(`--[a-z][a-z0-9-]+`), regexp.MustCompile(`ROLLCALL_[A-Z_]*[A-Z]`)
	commands := regexp.MustCompile(`(?m)rollcall (?:serve|health|key new|token new)(?: [^\n]*\\\n| [^\n]*)?`)
	seen := 0
	look := func(path string) {
		text := read(t, path)
		names := variables.FindAllString(text, -1)
		for i, name := range names {
			names[i] = "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "ROLLCALL_"), "_", "-"))
		}
		for _, command := range commands.FindAllString(text, -1) {
			names = append(names, flags.FindAllString(command, -1)...)
		}
		for _, comment := range regexp.MustCompile("(?m)(?:Rollcall: |--listen |as |than |for |`)(--[a-z-]+)").FindAllStringSubmatch(text, -1) {
			names = append(names, comment[1])
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: there is no %s", path, name)
			}
			seen++
		}
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(filepath.Base(path), "go.") && filepath.Ext(path) != ".go" {
			look(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	look(filepath.Join(root, "Dockerfile"))
	if seen < 20 {
		t.Errorf("only %d flags and variables found", seen)
	}
}
