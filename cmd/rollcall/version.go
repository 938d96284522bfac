package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// version is set by the linker (make build); a plain "go install" takes it from the module.
var version = ""

type versionCmd struct{}

// Run prints one line to standard output.
func (versionCmd) Run(k *kong.Kong) error {
	_, err := io.WriteString(k.Stdout, versionLine()+"\n")
	return err
}

// versionName is the release this binary was built from, or "dev".
func versionName() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func versionLine() string {
	return fmt.Sprintf("rollcall %s (%s, %s/%s)", versionName(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
