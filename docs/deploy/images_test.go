package deploy

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// root is the top of the repository.
var root = filepath.Join("..", "..")

// stages parses the Dockerfile, as BuildKit does, with its linter.
func stages(t *testing.T) map[string]instructions.Stage {
	t.Helper()
	text := read(t, root, "Dockerfile")
	parsed, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range parsed.Warnings {
		t.Errorf("Dockerfile: %v", warning)
	}
	found, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) { t.Errorf("Dockerfile: %s: %s", rule, message) },
	}))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]instructions.Stage{}
	for _, stage := range found {
		byName[stage.Name] = stage
	}
	return byName
}

// commands are those of one type in a stage.
func commands[T any](stage instructions.Stage) (found []T) {
	for _, command := range stage.Commands {
		if c, ok := command.(T); ok {
			found = append(found, c)
		}
	}
	return found
}

func TestDockerfile(t *testing.T) {
	all := stages(t)
	image := all["image"]
	if image.BaseName != "scratch" || all["packaged"].BaseName != "image" || all[""].BaseName != "image" {
		t.Error("the image should be of scratch, and the two ways to get the binary of the image")
	}
	if user := commands[*instructions.UserCommand](image); len(user) != 1 || user[0].User != "65532:65532" {
		t.Error("it should run as a user with a number that is not root's")
	}
	if entry := commands[*instructions.EntrypointCommand](image); len(entry) != 1 || entry[0].PrependShell || entry[0].CmdLine[0] != "/rollcall" {
		t.Error("there is no shell to start it")
	}
	health := commands[*instructions.HealthCheckCommand](image)
	if len(health) != 1 || health[0].Health.Test[0] != "CMD" {
		t.Fatal("it should have a health check without a shell")
	}
	if out, err := exec.Command(binary, append(health[0].Health.Test[2:], "--help")...).CombinedOutput(); err != nil {
		t.Errorf("the health check is %q: %s", health[0].Health.Test, out)
	}
	if signal := commands[*instructions.StopSignalCommand](image); len(signal) != 1 || signal[0].Signal != "SIGTERM" {
		t.Error("it ends in order by SIGTERM")
	}
	build := ""
	for _, command := range commands[*instructions.RunCommand](all["build"]) {
		build += strings.Join(command.CmdLine, " ")
	}
	for _, part := range []string{"CGO_ENABLED=0 ", " -trimpath ", `-ldflags "-s -w -X main.version=$VERSION"`, "./cmd/rollcall"} {
		if !strings.Contains(build, part) {
			t.Errorf("%q is missing in %q", part, build)
		}
	}
}

// What the build compiles and embeds is not ignored, and what is large and of no use is.
func TestDockerignore(t *testing.T) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, root, ".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{".git/HEAD": true, "bin/rollcall": true, "web/clients/node_modules/x/y.js": true,
		"hub/hub_test.go": true, "docs/deploy/compose.yaml": true, "go.mod": false, "go.sum": false} {
		if got, err := ignored.MatchesOrParentMatches(path); got != want || err != nil {
			t.Errorf("%s: ignored %v, %v, want %v", path, got, err, want)
		}
	}
	list := exec.Command("go", "list", "-deps", "-json=Dir,Module,GoFiles,EmbedFiles", "./cmd/rollcall")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var pkg struct {
			Dir                 string
			Module              *struct{ Main bool }
			GoFiles, EmbedFiles []string
		}
		if err := decoder.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		if pkg.Module == nil || !pkg.Module.Main {
			continue
		}
		for _, name := range slices.Concat(pkg.GoFiles, pkg.EmbedFiles) {
			path, err := filepath.Rel(top, filepath.Join(pkg.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if gone, err := ignored.MatchesOrParentMatches(path); gone || err != nil {
				t.Errorf("%s is needed and ignored (%v)", path, err)
			}
			files++
		}
	}
	if files < 100 {
		t.Errorf("only %d files looked at", files)
	}
}

// The names of commands in files that nothing here can run exist.
func TestCommandsExist(t *testing.T) {
	called := regexp.MustCompile(`\./cmd/rollcall ([a-z]+(?: [a-z]+)?)`).FindAllStringSubmatch(read(t, root, ".goreleaser.yaml"), -1)
	if len(called) != 4 {
		t.Errorf(".goreleaser.yaml calls %q", called)
	}
	for _, call := range called {
		if out, err := exec.Command(binary, strings.Fields(call[1])...).Output(); err != nil || len(out) < 100 {
			t.Errorf("rollcall %s: %v, %d bytes", call[1], err, len(out))
		}
	}
}
