package templates

import (
	"flag"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write what the pages render to testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A golden has a line per tag, so that a diff of it can be read.
var betweenTags = regexp.MustCompile(`>\s*<`)

// What charts draw is tested with them; a golden has the beginning.
var plotData = regexp.MustCompile(` (d|data-values)="([^"]{40})[^"]{40,}"`)

func TestGoldens(t *testing.T) {
	pages := map[string]templ.Component{
		"start": Start(StartView{Version: "v1.2.3", BaseURL: "https://rollcall.example", Channels: "news,weather", Demos: true}),
		"error": Error(ErrorView{
			Version: "v1.2.3",
			Status:  404,
			Title:   "Page not found",
			Text:    "There is nothing at this address.",
		}),
		"docs": Docs(sampleDocs()),
	}
	maps.Copy(pages, adminPages())
	maps.Copy(pages, demoPages(DemoView{Version: "v1.2.3", BaseURL: "https://rollcall.example"}))
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			got := betweenTags.ReplaceAllString(render(t, page), ">\n<") + "\n"
			got = plotData.ReplaceAllString(got, ` $1="$2…"`)
			golden := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s; -update writes it anew (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func TestStartDefaults(t *testing.T) {
	page := render(t, Start(StartView{}))
	for _, want := range []string{
		`value="news,chat"`, `value="message, typing"`, `>http://127.0.0.1:9090<`, SamplePayload,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of an empty view lacks %s", want)
		}
	}
	if strings.Contains(page, "topbar-note") {
		t.Error("an unknown version has a place on the page")
	}
}

// Pages must work under a policy without inline script or style, and load nothing from elsewhere.
func TestPagesAreSelfContained(t *testing.T) {
	pages := map[string]templ.Component{
		"start": Start(StartView{BaseURL: "https://rollcall.example"}),
		"error": Error(ErrorView{}),
		"docs":  Docs(sampleDocs()),
	}
	maps.Copy(pages, adminPages())
	maps.Copy(pages, demoPages(DemoView{}))
	for name, page := range pages {
		for _, e := range parse(t, render(t, page)) {
			if e.name == "style" || e.name == "script" && e.text != "" {
				t.Errorf("%s has a <%s> with %q", name, e.name, e.text)
			}
			for attr, value := range e.attrs {
				link, err := url.Parse(value)
				elsewhere := (attr == "src" || attr == "href") && (err != nil || link.Scheme != "" || link.Host != "")
				if elsewhere || attr == "style" || strings.HasPrefix(attr, "on") {
					t.Errorf("%s has <%s %s=%q>", name, e.name, attr, value)
				}
			}
		}
	}
}

// The ids that scripts and browser tests look for.
func TestStartHasItsHandles(t *testing.T) {
	page := render(t, Start(StartView{}))
	for _, id := range strings.Fields(`state channels types client-id connect resume events events-filter
		events-pause events-clear online-list online-count publish-form publish-channel publish-type publish-payload
		publish-add publish-send publish-result publish-batch`) {
		if strings.Count(page, ` id="`+id+`"`) != 1 {
			t.Errorf("the page lacks #%s, or has it twice", id)
		}
	}
}

var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onfocus='alert(1)`,
	`</title><script src=//evil.example></script>`,
	"javascript:alert(1)",
	"\u202egnp.exe",
	"{{ .Secret }} ${secret} `id`",
	"\x00\xff\xfe",
}

func TestHostileStringsAreText(t *testing.T) {
	start := shape(render(t, Start(StartView{Version: "v", BaseURL: "http://h", Channels: "c", Types: "t"})))
	failure := shape(render(t, Error(ErrorView{Version: "v", Status: 500, Title: "t", Text: "t"})))
	for _, s := range hostile {
		page := render(t, Start(StartView{Version: s, BaseURL: s, Channels: s, Types: s}))
		if diff := cmp.Diff(start, shape(page)); diff != "" {
			t.Errorf("%q changes the start page's markup (-want +got):\n%s", s, diff)
		}
		page = render(t, Error(ErrorView{Version: s, Status: 500, Title: s, Text: s}))
		if diff := cmp.Diff(failure, shape(page)); diff != "" {
			t.Errorf("%q changes the error page's markup (-want +got):\n%s", s, diff)
		}
	}
}

// Whatever the host and the channels are, a copied curl line is one command: what is between its
// single quotes stays there.
func TestCommandsAreSafeToPaste(t *testing.T) {
	for _, s := range append(hostile, `a'; rm -rf ~ #`, "a\nrm -rf ~\n", `a\'; id`, "$(id)", "a&b=c d", "Zoë") {
		demo := DemoView{BaseURL: "http://" + s}
		for _, c := range slices.Concat((StartView{BaseURL: "http://" + s, Channels: s + "," + s}).commands(),
			demo.chatCommands(), demo.notificationCommands(), demo.timeCommands()) {
			var line strings.Builder
			for _, p := range c.parts {
				line.WriteString(p.text)
			}
			words, ok := shellWords(line.String())
			if !ok {
				t.Errorf("%s for %q: not one plain command: %s", c.id, s, line.String())
			} else if words[0] != "curl" {
				t.Errorf("%s for %q: runs %q", c.id, s, words[0])
			}
		}
	}
}

// shellWords splits a command as a POSIX shell does, knowing only spaces, single quotes and \'.
// Anything else that a shell would act on makes it fail.
func shellWords(line string) (words []string, ok bool) {
	var word strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\'':
			quoted = !quoted
		case b < 0x20 || b == 0x7f:
			return nil, false
		case quoted:
			word.WriteByte(b)
		case b == ' ':
			words = append(words, word.String())
			word.Reset()
		case b == '\\' && i+1 < len(line) && line[i+1] == '\'':
			word.WriteByte('\'')
			i++
		case strings.IndexByte("\"\\$`&|;<>()*?[]#~!{}", b) >= 0:
			return nil, false
		default:
			word.WriteByte(b)
		}
	}
	return append(words, word.String()), !quoted
}
