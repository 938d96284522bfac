package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	node := newParser(&cli{}, &settings{}).Model.Node
	for line, want := range map[string]string{
		"sub": "subscribe", "config ": "check,show", "config check --max-b": "--max-body", "serve --listen ": "", "publish ": "",
		"serve --listen :1 --max-str": "--max-streams", "serve --listen=:1 --max-str": "--max-streams", "clients --w": "--watch",
		"clients -w --cha": "--channel", "clients -q x --cha": "--channel", "clients -q --cha": "", "serve -- --max": "", "nothing --": "", "token new --tt": "--ttl",
		"completion ": "bash,zsh,fish", "completion z": "zsh", "subscribe news --onc": "--once", "--vers": "--version",
	} {
		var got []string
		for _, c := range candidates(node, strings.Split(line, " ")) {
			word, _, _ := strings.Cut(c, "\t")
			got = append(got, word)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%q: %v, want %s", line, got, want)
		}
	}
	all := candidates(node, nil)
	for _, child := range node.Children {
		if !slices.ContainsFunc(all, func(c string) bool { return strings.HasPrefix(c, child.Name+"\t") }) {
			t.Errorf("%s is not offered", child.Name)
		}
	}
}

// The script is run by a real bash, which asks this very program.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "rollcall")); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"rollcall hist": "history", "rollcall config ": "check show", "rollcall serve --history-a": "--history-age", "rollcall publish ": "", "rollcall serve --listen ": "",
	} {
		cmd := exec.Command(bash, "--norc", "-c", `eval "$(rollcall completion bash)" && complete -p rollcall &&
			COMP_WORDS=($1) && { [[ $1 != *' ' ]] || COMP_WORDS+=(''); } && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _rollcall; echo "${COMPREPLY[*]}"`, "bash", line)
		cmd.Env = []string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		head, got, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
		if err != nil || !strings.Contains(head, "-F _rollcall rollcall") || got != want {
			t.Errorf("%q: %v, got %q, want %q", line, err, out, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		o := runCommand(t, nil, "", "completion", shell).wantEnd(t, 0, "completion candidates --")
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // not installed
		}
		if out, err := exec.Command(path, "-n", newFile(t, "script", o.out)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}
