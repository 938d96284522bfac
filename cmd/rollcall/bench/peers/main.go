package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench-peers directory")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// run sums up the results in dir.
func run(dir string) error {
	all, err := load(dir)
	if err != nil {
		return err
	}
	s := summarize(all)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "summary.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	machine, err := os.ReadFile(filepath.Join(dir, "machine.txt"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return s.write(os.Stdout, string(machine))
}
