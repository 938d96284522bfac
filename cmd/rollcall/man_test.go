package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The manual page has every command and flag, and roff reads it without a warning.
func TestMan(t *testing.T) {
	t.Parallel()
	page := runCommand(t, nil, "", "man").wantEnd(t, 0, ".TH ROLLCALL 1").out
	for _, leaf := range newParser(&cli{}, &settings{}).Model.Leaves(true) {
		if !strings.Contains(page, ".SS "+roffWord(leaf.Summary())) {
			t.Errorf("it lacks %s", leaf.Summary())
		}
		for _, flag := range leaf.Flags {
			if settable(flag) && !strings.Contains(page, roffEscape("--"+flag.Name)) {
				t.Errorf("it lacks --%s of %s", flag.Name, leaf.Name)
			}
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff")
	}
	cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-P-cbou")
	cmd.Stdin = strings.NewReader(page)
	var warned bytes.Buffer
	cmd.Stderr = &warned
	out, err := cmd.Output()
	if err != nil || warned.Len() > 0 {
		t.Errorf("%v: %s", err, &warned)
	}
	text := regexp.MustCompile(`\s+`).ReplaceAllString(string(out), " ")
	for _, want := range []string{"rollcall publish news message '\"hello\"'", "--history-age=DURATION", "EXIT STATUS", `{"cores":2}`} {
		if !strings.Contains(text, want) {
			t.Errorf("the formatted page lacks %s", want)
		}
	}
}

// The exit codes are the same in the page, the package comment and docs/cli.md.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"doc.go", "../../docs/cli.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range exitCodes {
			if !strings.Contains(string(text), code[0]) || !strings.Contains(string(text), code[1]) {
				t.Errorf("%s lacks %v", path, code)
			}
		}
	}
}

// docs/cli.md has every command.
func TestDocumentHasEveryCommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range newParser(&cli{}, &settings{}).Model.Leaves(true) {
		if path := strings.TrimSuffix(leaf.FullPath(), " zsh"); !strings.Contains(string(text), path) {
			t.Errorf("it lacks %q", leaf.FullPath())
		}
	}
}
