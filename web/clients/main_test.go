package clients

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait for something that must happen; only a failure reaches it.
const patience = time.Minute

// binary is the path of the program under test.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rollcall-clients")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "rollcall")
	// "go run" keeps the linked program in its cache, which "go build" doesn't.
	build := exec.Command("go", "run", "-race", "-ldflags=-w", "-exec", "cp", "./cmd/rollcall", binary)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building rollcall: %v\n%s", err, out)
		return 1
	}
	for _, tool := range []tool{chromium, node, curl, python} {
		_, err := tool.find()
		if err == nil && tool.packages != nil {
			err = tool.packages()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%v: tests with %s are skipped, or fail in CI\n", err, tool.name)
		}
	}

	// Most of the time the tests wait for clients to reconnect, and don't use the processors they are counted by.
	flag.Parse()
	if !isSet("test.parallel") {
		_ = flag.Set("test.parallel", "16")
	}
	code := m.Run()
	closeBrowser()
	if code == 0 {
		// It leaves this goroutine behind when it gives up on a silent connection.
		known := goleak.IgnoreTopFunction("github.com/launchdarkly/eventsource.newLineStreamChannel.func1")
		if err := goleak.Find(known); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// isSet reports whether a flag was given.
func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// tool is a program that some of the tests need.
type tool struct {
	name     string
	names    []string     // of the file, the first found wins
	packages func() error // installs what it needs beside, or nil
}

var (
	chromium = tool{"a browser", []string{"chromium", "chromium-browser", "google-chrome"}, nil}
	node     = tool{"Node clients", []string{"node"}, installPackages}
	curl     = tool{"curl", []string{"curl"}, nil}
)

// find returns the path of the tool.
func (x tool) find() (string, error) {
	for _, name := range x.names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s on this machine", x.names[0])
}

// need returns the path of the tool, ready to be used. Without it the test is skipped, in CI it fails.
func (x tool) need(t *testing.T) string {
	t.Helper()
	path, err := x.find()
	if err == nil && x.packages != nil {
		err = x.packages()
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	return path
}
