package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README's table of settings names every flag of serve, in the order of the help, with its default.
func TestReadmeListsEverySetting(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	inWords := map[string]string{"node": "host name", "online-presence": "off", "h2c": "off", "tls-dev": "off", "insecure": "off"}
	rows := regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)` \\| ([^|]*)\\|").FindAllStringSubmatch(string(text), -1)
	flags := newParser(&cli{}, &settings{}).Model.Children[0].Flags
	for i, flag := range flags {
		if i >= len(rows) || rows[i][1] != flag.Name {
			t.Fatalf("row %d of README.md's table should be --%s; the rows are %v", i+1, flag.Name, rows)
		}
		want := flag.Default
		if words, ok := inWords[flag.Name]; ok {
			want = words
		}
		if got := strings.Trim(rows[i][2], "` "); got != want {
			t.Errorf("README.md says that the default of --%s is %q; it is %q", flag.Name, got, want)
		}
	}
	if len(rows) != len(flags) {
		t.Errorf("README.md lists %d settings, serve has %d", len(rows), len(flags))
	}
}

// The README's sample configuration is one.
func TestReadmeSampleConfiguration(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if sample == nil {
		t.Fatal("README.md has no sample configuration")
	}
	if c, _, err := parse(t, string(sample[1]), nil); err != nil || c.HistoryBudget != gib {
		t.Errorf("the sample gives %+v, %v", c, err)
	}
}
