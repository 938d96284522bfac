package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every place that builds the binary leaves out symbols and gin's MessagePack, which would take 40 % of its size.
func TestEveryBuildIsSmall(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Makefile", "Dockerfile", ".goreleaser.yaml", "cmd/rollcall/bench/peers/bench-peers.sh",
		"cmd/rollcall/bench/engines/bench-engines.sh", "cmd/rollcall/bench/dashboards/bench-dashboards.sh",
		"cmd/rollcall/bench/answers/bench-answers.sh",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"-trimpath", "nomsgpack", "-s -w"} {
			if !strings.Contains(string(text), flag) {
				t.Errorf("%s builds without %s", name, flag)
			}
		}
	}
}
