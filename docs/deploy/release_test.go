package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// release is as much of GoReleaser's configuration, version 2, as .goreleaser.yaml uses. The names are GoReleaser's.
type release struct {
	Version     int    `json:"version"`
	ProjectName string `json:"project_name"`
	Dist        string `json:"dist"`
	Before      struct {
		Hooks []string `json:"hooks"`
	} `json:"before"`
	Builds []struct {
		Main, Binary        string
		Env, Flags, Ldflags []string
		ModTimestamp        string `json:"mod_timestamp"`
		Goos, Goarch        []string
	} `json:"builds"`
	Archives []struct {
		Formats         []string `json:"formats"`
		FormatOverrides []struct {
			Goos    string   `json:"goos"`
			Formats []string `json:"formats"`
		} `json:"format_overrides"`
		Files []archived `json:"files"`
	} `json:"archives"`
	NFPMs []struct {
		PackageName                                       string `json:"package_name"`
		Formats, Recommends                               []string
		Maintainer, Description, License, Section, Bindir string
		Umask                                             int
		Scripts                                           map[string]string
		Contents                                          []struct{ Src, Dst, Type string }
	} `json:"nfpms"`
	Dockers []struct {
		Images, Tags, Platforms, Flags []string
		Labels                         map[string]string
	} `json:"dockers_v2"`
	Checksum struct {
		NameTemplate string `json:"name_template"`
	} `json:"checksum"`
	SBOMs     []struct{ Artifacts, Disable string } `json:"sboms"`
	Changelog struct{ Disable bool }                `json:"changelog"`
	Release   struct{ Draft bool }                  `json:"release"`
}

// archived is a glob, or one with a place in the archive.
type archived struct {
	Src, Dst    string
	StripParent bool `json:"strip_parent"`
}

func (a *archived) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(string(text), `"`) {
		return yaml.Unmarshal(text, &a.Src)
	}
	type plain archived
	return yaml.UnmarshalStrict(text, (*plain)(a))
}

// What a release packs is there, or made by one of its hooks, and each of its names is one of GoReleaser's.
func TestRelease(t *testing.T) {
	var r release
	if err := yaml.UnmarshalStrict([]byte(read(t, root, ".goreleaser.yaml")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 2 || len(r.Builds) != 1 || len(r.NFPMs) != 1 || len(r.Dockers) != 1 {
		t.Fatalf("%+v", r)
	}
	hooks := strings.Join(r.Before.Hooks, "\n")
	if strings.Contains(hooks, "make ") {
		hooks += read(t, root, "Makefile")
	}
	made := func(glob string) bool {
		start, _, _ := strings.Cut(glob, "*")
		return strings.HasPrefix(glob, "bin/") && strings.Contains(hooks, "> "+start)
	}
	var globs []string
	for _, file := range r.Archives[0].Files {
		globs = append(globs, file.Src)
	}
	for _, content := range r.NFPMs[0].Contents {
		globs = append(globs, content.Src)
	}
	for _, script := range r.NFPMs[0].Scripts {
		globs = append(globs, script)
		if info, err := os.Stat(filepath.Join(root, script)); err != nil || !strings.HasPrefix(read(t, root, script), "#!/bin/sh\n") {
			t.Errorf("%s: %v, %v, want a script", script, info, err)
		}
	}
	for _, glob := range globs {
		if found, err := filepath.Glob(filepath.Join(root, glob)); (err != nil || len(found) == 0) && !made(glob) {
			t.Errorf("%s: nothing is there and no hook makes it (%v)", glob, err)
		}
	}
	main := strings.TrimPrefix(r.Builds[0].Main, "./")
	if _, err := os.Stat(filepath.Join(root, main, "main.go")); err != nil || !slices.Contains(r.Builds[0].Ldflags, "-s -w -X main.version={{ .Version }}") {
		t.Errorf("the build is %+v (%v)", r.Builds[0], err)
	}
	if target := strings.TrimPrefix(r.Dockers[0].Flags[0], "--target="); stages(t)[target].Name != target {
		t.Errorf("the Dockerfile has no stage %q", target)
	}
	unit := options(t, "Service")["ExecStart"]
	if want := r.NFPMs[0].Bindir + "/" + r.Builds[0].Binary + " "; !strings.HasPrefix(unit, want) {
		t.Errorf("the unit runs %q, the package installs %s", unit, want)
	}
}

// Releases carry the licence of every module that is in the binary.
func TestNotices(t *testing.T) {
	cmd := exec.Command("make", "-s", "notices")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sections := strings.Split(read(t, root, "bin/package/THIRD-PARTY-NOTICES"), strings.Repeat("=", 80)+"\n")[1:]
	if len(sections) < 50 {
		t.Errorf("%d modules", len(sections))
	}
	for _, section := range sections {
		name, text, _ := strings.Cut(section, "\n")
		if low := strings.ToLower(text); !strings.Contains(low, "copyright") && !strings.Contains(low, "license") {
			t.Errorf("%s has no licence", name)
		}
	}
}
