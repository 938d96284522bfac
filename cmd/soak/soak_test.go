package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// course is the samples of an hour with all quantities but one level, with a tooth like a garbage
// collector's.
func course(of string, value func(hours float64) float64) (samples []sample) {
	for n := range 120 {
		at := time.Duration(n) * 30 * time.Second
		s := sample{server: "clear", at: at}
		for _, q := range quantities {
			level := 100 + float64(n%7)
			if q.name == of {
				level = value(at.Hours()) + float64(n%7)
			}
			s.values = append(s.values, level)
		}
		samples = append(samples, s)
	}
	return samples
}

func TestGrowthIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		value func(hours float64) float64
		grew  bool
	}{
		"level":                {func(float64) float64 { return 200 }, false},
		"a slow leak":          {func(h float64) float64 { return 200 + 40*h }, true},
		"growth while warming": {func(h float64) float64 { return 200 * min(1, 5*h) }, false},
		"less and less":        {func(h float64) float64 { return 200 - 50*h }, false},
		"a single peak": {func(h float64) float64 {
			if h > 0.9 && h < 0.92 {
				return 500
			}
			return 200
		}, false},
	} {
		for _, q := range quantities {
			if found := judge(course(q.name, test.value), nil, nil); (len(found) > 0) != (test.grew && q.judged) {
				t.Errorf("%s, %s: %q", name, q.name, found)
			}
		}
	}
}

func TestLeftoversAreFound(t *testing.T) {
	state := func(of string, value float64) []sample {
		s := sample{server: "clear"}
		for _, q := range quantities {
			switch {
			case q.name == of:
				s.values = append(s.values, value)
			case q.judged:
				s.values = append(s.values, 40)
			default:
				s.values = append(s.values, 0)
			}
		}
		return []sample{s}
	}
	before := state("", 0)
	if found := leftovers(before, before); len(found) > 0 {
		t.Errorf("nothing is left, and there is %q", found)
	}
	for name, value := range map[string]float64{"goroutines": 60, "descriptors": 60, "streams": 1, "clients": 1, "connections": 1} {
		if found := leftovers(before, state(name, value)); len(found) != 1 || !strings.Contains(found[0], name) {
			t.Errorf("%g %s are left, and there is %q", value, name, found)
		}
	}
}

func TestPlot(t *testing.T) {
	r := record{samples: course("memory", func(h float64) float64 { return 100 * h })}
	dir := t.TempDir()
	if err := errors.Join(r.writeCSV(filepath.Join(dir, "a.csv")), r.writeSVG(filepath.Join(dir, "a.svg"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "a.csv"))
	if err != nil || strings.Count(string(text), "\n") != len(r.samples)+1 {
		t.Errorf("%v, %.200s", err, text)
	}
	file, err := os.Open(filepath.Join(dir, "a.svg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for in := xml.NewDecoder(file); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "points" })
			if points := strings.Fields(e.Attr[i].Value); len(points) == len(r.samples) {
				lines++
			}
		}
	}
	if lines != len(panels()) {
		t.Errorf("%d lines, want %d", lines, len(panels()))
	}
}

func TestSteps(t *testing.T) {
	for highest, want := range map[float64]float64{0: 1, 3.9: 1, 40: 10, 97: 25, 130: 50, 5000: 2000} {
		if got := niceStep(highest, 4); got != want {
			t.Errorf("%g in steps of %g, want %g", highest, got, want)
		}
	}
}
