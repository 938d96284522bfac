package templates

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
)

// tag is an element's start, or its end.
type tag struct {
	name  string
	end   bool
	attrs map[string]string
	shape string // the tag without values
	text  string // what follows, up to the next tag
}

var void = strings.Fields("meta link img input br hr wbr")

// scan splits markup into its tags, and says what is wrong with them. Regular expressions take ten times as long.
func scan(markup string) (tags []tag, wrong []string) {
	markup = strings.TrimPrefix(markup, "<!doctype html>")
	for at := strings.IndexByte(markup, '<'); at >= 0; at = strings.IndexByte(markup, '<') {
		markup = markup[at:]
		e, rest, ok := readTag(markup)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("no tag: %.100s", markup))
			markup = markup[1:]
			continue
		}
		e.text = rest
		if end := strings.IndexByte(rest, '<'); end >= 0 {
			e.text = rest[:end]
		}
		tags, markup = append(tags, e), rest
	}
	return tags, wrong
}

// readTag reads the tag at the beginning of markup. Values are in double quotes.
func readTag(markup string) (e tag, rest string, ok bool) {
	rest, e.end = strings.CutPrefix(markup[len("<"):], "/")
	e.name, rest = word(rest)
	e.attrs, e.shape = map[string]string{}, markup[:len(markup)-len(rest)]
	for e.name != "" && e.name[0] >= 'A' {
		after := strings.TrimLeft(rest, " \t\r\n\f")
		if left, ended := strings.CutPrefix(strings.TrimPrefix(after, "/"), ">"); ended {
			e.shape += ">"
			return e, left, true
		}
		name, left := word(after)
		_, twice := e.attrs[name]
		if name == "" || after == rest || twice {
			break
		}
		value := ""
		if quoted, has := strings.CutPrefix(left, `="`); has {
			if value, left, has = strings.Cut(quoted, `"`); !has {
				break
			}
		}
		e.attrs[name], rest = value, left
		e.shape += " " + name
	}
	return tag{}, "", false
}

// word splits off the name at the beginning of text.
func word(text string) (name, rest string) {
	i := 0
	for i < len(text) && (text[i] == '-' || text[i] == ':' || '0' <= text[i] && text[i] <= '9' || 'a' <= text[i]|0x20 && text[i]|0x20 <= 'z') {
		i++
	}
	return text[:i], text[i:]
}

// shape returns the tags of a page without values and texts.
func shape(page string) string {
	tags, wrong := scan(page)
	lines := make([]string, len(tags))
	for i, e := range tags {
		lines[i] = e.shape
	}
	return strings.Join(append(lines, wrong...), "\n")
}

// parse splits markup into its tags, and fails if they are not nested well.
func parse(t *testing.T, markup string) []tag {
	t.Helper()
	tags, wrong := scan(markup)
	for _, w := range wrong {
		t.Error(w)
	}
	var open []string
	for _, e := range tags {
		switch {
		case e.end && (len(open) == 0 || open[len(open)-1] != e.name):
			t.Fatalf("</%s> ends %v", e.name, open)
		case e.end:
			open = open[:len(open)-1]
		case !slices.Contains(void, e.name):
			open = append(open, e.name)
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
	return tags
}

// roots counts the elements that are in no other.
func roots(tags []tag) (n int) {
	depth := 0
	for _, e := range tags {
		switch {
		case e.end:
			depth--
		case slices.Contains(void, e.name):
			if depth == 0 {
				n++
			}
		default:
			if depth == 0 {
				n++
			}
			depth++
		}
	}
	return n
}

func TestAdminPagesAreSound(t *testing.T) {
	for name, page := range adminPages() {
		t.Run(name, func(t *testing.T) {
			tags := parse(t, render(t, page))
			ids := map[string]bool{}
			labels := map[string]bool{}
			h1 := 0
			for _, e := range tags {
				if id, ok := e.attrs["id"]; ok {
					if ids[id] || id == "" {
						t.Errorf("two elements have the id %q", id)
					}
					ids[id] = true
				}
				if e.name == "label" && !e.end {
					labels[e.attrs["for"]] = true
				}
				if e.name == "h1" && !e.end {
					h1++
				}
			}
			if h1 != 1 {
				t.Errorf("%d h1", h1)
			}
			for i, e := range tags {
				for _, a := range []string{"for", "form", "aria-labelledby", "aria-describedby"} {
					if id := e.attrs[a]; id != "" && !ids[id] {
						t.Errorf("<%s %s=%q> points nowhere", e.name, a, id)
					}
				}
				if target := e.attrs["data-copy"]; target != "" && !ids[strings.TrimPrefix(target, "#")] {
					t.Errorf("data-copy=%q points nowhere", target)
				}
				wrapped := i > 0 && tags[i-1].name == "label"
				switch {
				case e.end:
				case e.name == "form" && e.attrs["method"] == "":
					t.Error("a form without a method")
				case e.name == "input" && e.attrs["type"] == "hidden":
				case slices.Contains([]string{"input", "select", "textarea"}, e.name):
					if !wrapped && !labels[e.attrs["id"]] && e.attrs["aria-label"] == "" {
						t.Errorf("<%s name=%q> has no label", e.name, e.attrs["name"])
					}
				case e.name == "img" && !has(e, "alt"):
					t.Error("an image without alt")
				case e.name == "svg" && e.attrs["aria-hidden"] == "" && e.attrs["aria-label"] == "":
					t.Error("a drawing that says nothing and isn't hidden")
				case has(e, "style"):
					t.Errorf("<%s> has a style attribute", e.name)
				case e.name == "button" && e.attrs["type"] == "":
					t.Error("a button without a type")
				}
			}
		})
	}
}

func has(e tag, attr string) bool {
	_, ok := e.attrs[attr]
	return ok
}

func TestNonces(t *testing.T) {
	ctx := templ.WithNonce(t.Context(), "n0nce")
	pages := adminPages()
	pages["start"] = Start(StartView{})
	for name, page := range pages {
		var b strings.Builder
		if err := page.Render(ctx, &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range parse(t, b.String()) {
			needs := e.name == "script" || e.name == "style" || e.name == "link" && e.attrs["rel"] != "icon"
			if !e.end && needs && e.attrs["nonce"] != "n0nce" {
				t.Errorf("%s: <%s> %v has no nonce", name, e.name, e.attrs)
			}
		}
	}
}

// What is streamed is what the page shows: each fragment is one element, with its id, and the page
// has it once.
func TestFragmentsAreInThePage(t *testing.T) {
	for name, p := range livePages(sampleViews()) {
		t.Run(name, func(t *testing.T) {
			page := render(t, p.page)
			seen := map[string]bool{}
			check := func(f Fragment, where string) string {
				markup := render(t, f.Body)
				tags := parse(t, markup)
				if len(tags) == 0 || tags[0].attrs["id"] != f.ID || f.ID == "" || roots(tags) != 1 {
					t.Errorf("%q is not one element with that id: %.200s", f.ID, markup)
				}
				if seen[f.ID] {
					t.Errorf("%q is listed twice", f.ID)
				}
				seen[f.ID] = true
				if n := strings.Count(where, markup); n != 1 {
					t.Errorf("%q is %d times in its place: %.200s", f.ID, n, markup)
				}
				if n := strings.Count(page, ` id="`+f.ID+`"`); n != 1 {
					t.Errorf("the id %q is %d times in the page", f.ID, n)
				}
				for _, e := range tags {
					if slices.Contains([]string{"form", "input", "select", "textarea", "h1"}, e.name) && e.attrs["class"] != "mark" {
						t.Errorf("%q has a <%s>", f.ID, e.name)
					}
				}
				return markup
			}
			for _, f := range p.fragments {
				list := check(f, page)
				var items strings.Builder
				for _, item := range f.Items {
					items.WriteString(check(item, list))
				}
				if !strings.Contains(list, items.String()) {
					t.Errorf("%q has something between its items, or another order", f.ID)
				}
			}
		})
	}
}

func TestAViewerIsOfferedNoActions(t *testing.T) {
	for name, view := range sampleViews() {
		v := reflect.New(reflect.TypeOf(view)).Elem()
		v.Set(reflect.ValueOf(view))
		v.FieldByName("CanAct").SetBool(false)
		if clients, ok := v.Interface().(ClientsView); ok {
			clients.Rows = slices.Clone(clients.Rows)
			for i := range clients.Rows {
				clients.Rows[i].CanMark = false
			}
			v.Set(reflect.ValueOf(clients))
		}
		page := render(t, livePages(map[string]live{name: v.Interface().(live)})[name].page)
		for _, e := range parse(t, page) {
			action := e.attrs["action"] + e.attrs["formaction"]
			if e.attrs["method"] == "post" && !strings.HasPrefix(action, "/admin/logout") && action != "/admin/sessions/end" || e.attrs["formaction"] != "" {
				t.Errorf("%s has a form to %s", name, action)
			}
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		"Zoë 日本 \u200d🙂":     "Zoë 日本 \u200d🙂",
		"a\u202eb":           `a\u202eb`,
		"\u061c\u200e\u2069": `\u061c\u200e\u2069`,
		"a\tb\nc\x00\x7f":    `a\u0009b\u000ac\u0000\u007f`,
		"\xff\u0085":         "\ufffd" + `\u0085`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
	if got := visibleText("{\n\t\"a\": \"\u202e\"\n}"); got != "{\n\t\"a\": \"\\u202e\"\n}" {
		t.Errorf("visibleText gives %q", got)
	}
}

func TestWhen(t *testing.T) {
	at := time.Date(2026, 11, 20, 16, 4, 5, 67e6, time.FixedZone("CET", 3600))
	want := `<time class="when" datetime="2026-11-20T15:04:05.067Z" data-relative title="2026-11-20 15:04:05 UTC">2026-11-20 15:04:05 UTC</time>`
	if got := render(t, when(at)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := render(t, when(time.Time{})); !strings.Contains(got, "–") || strings.Contains(got, "<time") {
		t.Errorf("no time is %s", got)
	}
}

// The curl lines of empty states stay one command, whatever is in them.
func TestAdminCommandsAreSafeToPaste(t *testing.T) {
	for _, s := range append(hostile, `a'; rm -rf ~ #`, "a\nrm -rf ~\n", "$(id)", "a&b=c d") {
		for _, line := range []string{subscribeLine("http://"+s, s, s), publishLine("http://"+s, s)} {
			if words, ok := shellWords(line); !ok || words[0] != "curl" {
				t.Errorf("not one plain command: %s", line)
			}
		}
	}
}

func TestLongPayloadsAreFolded(t *testing.T) {
	event := sampleEvent(0)
	for _, test := range []struct {
		payload string
		open    bool
		want    string
	}{
		{"{\n  \"a\": 1\n}", true, "<details open>"},
		{"{\n  \"a\": 1\n}", false, "<details>"},
		{"[\n" + strings.Repeat("  1,\n", shortPayload) + "  1\n]", true, "<details>"},
		{"12", true, `<code class="event-line">12</code></div>`},
	} {
		event.Payload, event.Line, event.Open = test.payload, "", test.open
		if got := render(t, EventItem(event)); !strings.Contains(got, test.want) {
			t.Errorf("%q lacks %s: %s", test.payload, test.want, got)
		}
	}
}

func TestHandles(t *testing.T) {
	for name, want := range map[string]string{
		"overview":        `id="live-state" id="live-label" id="live-banner" id="keys" data-testid="keys" data-page="overview" data-live="/admin"`,
		"login":           `data-testid="login-submit" name="username" name="password" name="next" action="/admin/login" autocomplete="current-password"`,
		"login-wrong":     `data-testid="login-error"`,
		"clients":         `id="search" data-client="ana@example.com"`,
		"client":          `data-testid="disconnect" data-testid="block" data-testid="block-for" data-testid="unblock" data-confirm value="168h"`,
		"channel":         `data-testid="publish-type" data-testid="publish-payload" data-testid="publish-send" name="mode" name="batch" data-feed data-keep="200" id="tail-pause" id="tail-waiting" id="search"`,
		"channel-refused": `data-testid="publish-error"`,
		"tail":            `id="tail-rows" data-feed id="search" name="channels" name="filter"`,
		"tap":             `id="tail-rows" data-feed`,
		"blocks":          `action="/admin/blocks" name="clientId" action="/admin/blocks/remove" data-testid="unblock"`,
		"server":          `action="/admin/server/drain" name="rate" action="/admin/server/drain/stop"`,
	} {
		page := render(t, adminPages()[name])
		for _, handle := range strings.Fields(want) {
			if !strings.Contains(page, " "+handle) {
				t.Errorf("%s lacks %s", name, handle)
			}
		}
	}
	if older := render(t, adminPages()["channel-refused"]); strings.Contains(older, "data-feed") {
		t.Error("an older page of history takes new events")
	}
}

func TestActionsOfOddNames(t *testing.T) {
	for base, want := range map[string]string{
		"/admin/channels/a%2Fb":     "/admin/channels/a%2Fb/purge",
		"/admin/channels/_?name=..": "/admin/channels/_/purge?name=..",
	} {
		if got := below(base, "purge"); got != want {
			t.Errorf("below %s: %s, want %s", base, got, want)
		}
	}
}
