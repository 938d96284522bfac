package livepage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"rollcall/templates"
	"rollcall/web/livepage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is a component that renders itself.
type text string

func (t text) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(t))
	return err
}

// part is a fragment with this content: "id" or "id=content".
func part(spec string) templates.Fragment {
	id, content, _ := strings.Cut(spec, "=")
	return templates.Fragment{ID: id, Body: text(fmt.Sprintf(`<i id="%s">%s</i>`, id, content))}
}

// list is a fragment of items, each as in part.
func list(id string, specs ...string) templates.Fragment {
	f := templates.Fragment{ID: id}
	whole := ""
	for _, spec := range specs {
		f.Items = append(f.Items, part(spec))
		whole += string(f.Items[len(f.Items)-1].Body.(text))
	}
	if len(specs) == 0 {
		whole = "nothing here"
	}
	f.Body = text(fmt.Sprintf(`<b id="%s">%s</b>`, id, whole))
	return f
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		then, now []templates.Fragment
		want      string
	}{
		{"first",
			nil, []templates.Fragment{part("n=1"), list("l", "a", "b")},
			`[{"id":"n","html":"<i id=\"n\">1</i>"},{"id":"l","html":"<b id=\"l\"><i id=\"a\"></i><i id=\"b\"></i></b>"}]`},
		{"nothing",
			[]templates.Fragment{part("n=1"), list("l", "a", "b"), list("m")},
			[]templates.Fragment{part("n=1"), list("l", "a", "b"), list("m")},
			``},
		{"one part",
			[]templates.Fragment{part("n=1"), part("m=1")}, []templates.Fragment{part("n=1"), part("m=2")},
			`[{"id":"m","html":"<i id=\"m\">2</i>"}]`},
		{"an item alone",
			[]templates.Fragment{list("l", "a=1", "b=1")}, []templates.Fragment{list("l", "a=1", "b=2")},
			`[{"id":"b","html":"<i id=\"b\">2</i>"}]`},
		{"the order",
			[]templates.Fragment{list("l", "a", "b")}, []templates.Fragment{list("l", "b", "a")},
			`[{"id":"l","keys":["b","a"],"html":{}}]`},
		{"an item comes, one goes, one changes",
			[]templates.Fragment{list("l", "a", "b=1", "c")}, []templates.Fragment{list("l", "d", "c", "b=2")},
			`[{"id":"l","keys":["d","c","b"],"html":{"d":"<i id=\"d\"></i>","b":"<i id=\"b\">2</i>"}}]`},
		{"a list gets empty",
			[]templates.Fragment{list("l", "a")}, []templates.Fragment{list("l")},
			`[{"id":"l","html":"<b id=\"l\">nothing here</b>"}]`},
		{"and is filled",
			[]templates.Fragment{list("l")}, []templates.Fragment{list("l", "a")},
			`[{"id":"l","html":"<b id=\"l\"><i id=\"a\"></i></b>"}]`},
		{"one line, and no more escapes than there must be",
			nil, []templates.Fragment{{ID: `a"b`, Body: text("<i>\r\n\u2028 & \xff</i>")}},
			`[{"id":"a\"b","html":"<i>\r\n` + "\u2028 & \ufffd" + `</i>"}]`},
	} {
		d := new(livepage.Differ)
		if test.then != nil {
			patchOf(t, d, test.then)
		}
		if got := patchOf(t, d, test.now); got != test.want {
			t.Errorf("%s: the patch is\n%s, want\n%s", test.name, got, test.want)
		}
		if again := patchOf(t, d, test.now); again != "" {
			t.Errorf("%s: the page isn't there yet: %s", test.name, again)
		}
	}
}

func patchOf(t testing.TB, d *livepage.Differ, fragments []templates.Fragment) string {
	t.Helper()
	patch, err := d.Diff(t.Context(), fragments)
	if err != nil {
		t.Fatal(err)
	}
	return string(patch)
}

// TestDiffFails checks that after a patch that wasn't made the next one is whole.
func TestDiffFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	bad := templates.Fragment{ID: "bad", Body: templ.ComponentFunc(func(context.Context, io.Writer) error { return broken })}
	for _, test := range []struct {
		name      string
		fragments []templates.Fragment
		is        error
	}{
		{"a component", []templates.Fragment{part("n=2"), bad}, broken},
		{"an item", []templates.Fragment{part("n=2"), {ID: "l", Body: text(""), Items: []templates.Fragment{bad}}}, broken},
		{"an id twice", []templates.Fragment{part("n=2"), part("n=2")}, nil},
		{"a new item twice", []templates.Fragment{part("n=2"), list("m", "a", "a")}, nil},
		{"an item twice", []templates.Fragment{part("n=2"), list("l", "a", "a")}, nil},
	} {
		d := new(livepage.Differ)
		patchOf(t, d, []templates.Fragment{part("n=1"), list("l", "a")})
		if patch, err := d.Diff(t.Context(), test.fragments); err == nil || test.is != nil && !errors.Is(err, test.is) || patch != nil {
			t.Errorf("%s: got %s, %v", test.name, patch, err)
		}
		if got := patchOf(t, d, []templates.Fragment{part("n=2")}); got != `[{"id":"n","html":"<i id=\"n\">2</i>"}]` {
			t.Errorf("%s: afterwards the patch is %s", test.name, got)
		}
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	items := []templ.Component{text(`<li id="c">`), text(`<li id="b">`), text(`<li id="a">`)}
	for _, test := range []struct {
		keep int
		from []templ.Component
		want string
	}{
		{200, items, `[{"id":"f","first":"<li id=\"c\"><li id=\"b\"><li id=\"a\">","keep":200}]`},
		{2, items, `[{"id":"f","first":"<li id=\"c\"><li id=\"b\">","keep":2}]`},
		{200, nil, ``},
	} {
		got, err := livepage.Feed(t.Context(), "f", test.keep, test.from)
		if err != nil || string(got) != test.want {
			t.Errorf("keep %d: got %s, %v, want %s", test.keep, got, err, test.want)
		}
	}
	_, err := livepage.Feed(t.Context(), "f", 1, []templ.Component{templ.ComponentFunc(func(context.Context, io.Writer) error { return io.EOF })})
	if !errors.Is(err, io.EOF) {
		t.Errorf("a component's error comes as %v", err)
	}
}

// model is a page as a browser has it: elements by id, lists with the ids of their children.
type model struct {
	html  map[string]string
	lists map[string][]string
}

// op is any operation.
type op struct {
	ID   string
	Keys []string
	HTML json.RawMessage
}

func (m *model) apply(t *rapid.T, patch []byte, whole map[string][]string) {
	if strings.ContainsAny(string(patch), "\r\n") {
		t.Fatalf("more than a line: %q", patch)
	}
	var ops []op
	if err := json.Unmarshal(patch, &ops); err != nil {
		t.Fatalf("%v: %s", err, patch)
	}
	for _, o := range ops {
		if o.Keys == nil {
			var html string
			if err := json.Unmarshal(o.HTML, &html); err != nil {
				t.Fatal(err)
			}
			m.html[o.ID] = html
			if items, isList := whole[o.ID]; isList { // it came with its items
				m.lists[o.ID] = nil
				for part := range strings.SplitAfterSeq(strings.TrimSuffix(html[strings.Index(html, ">")+1:], "</b>"), "</i>") {
					if id, _, ok := strings.Cut(strings.TrimPrefix(part, `<i id="`), `"`); ok {
						m.html[id] = part
						m.lists[o.ID] = append(m.lists[o.ID], id)
					}
				}
				if !slices.Equal(m.lists[o.ID], items) {
					t.Fatalf("%s has %q, want %q", html, m.lists[o.ID], items)
				}
			}
			continue
		}
		var html map[string]string
		if err := json.Unmarshal(o.HTML, &html); err != nil {
			t.Fatal(err)
		}
		for id, text := range html {
			if m.html[id] == text && slices.Contains(m.lists[o.ID], id) {
				t.Fatalf("%s was there", text)
			}
			m.html[id] = text
		}
		for _, id := range m.lists[o.ID] {
			if !slices.Contains(o.Keys, id) {
				delete(m.html, id)
			}
		}
		m.lists[o.ID] = o.Keys
	}
}

// TestPatchesAddUp applies the patches of pages that change at random, and compares.
func TestPatchesAddUp(t *testing.T) {
	t.Parallel()
	content := rapid.SampledFrom([]string{"", "1", "2", "line\nend", `"quoted"`})
	specs := func(prefix string, least int) *rapid.Generator[[]string] {
		return rapid.Custom(func(t *rapid.T) []string {
			var list []string
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), least, 6, rapid.ID[int]).Draw(t, "ids") {
				list = append(list, fmt.Sprintf("%s%d=%s", prefix, n, content.Draw(t, "content")))
			}
			return list
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		d := new(livepage.Differ)
		page := model{map[string]string{}, map[string][]string{}}
		for range rapid.IntRange(1, 8).Draw(t, "turns") {
			var fragments []templates.Fragment
			for _, spec := range specs("p", 0).Draw(t, "parts") {
				fragments = append(fragments, part(spec))
			}
			lists := map[string][]string{}
			for _, id := range []string{"l", "m"} {
				items := specs(id, 0).Draw(t, id)
				fragments = append(fragments, list(id, items...))
				lists[id] = nil
				for _, spec := range items {
					lists[id] = append(lists[id], strings.Split(spec, "=")[0])
				}
			}
			patch, err := d.Diff(context.Background(), fragments)
			if err != nil {
				t.Fatal(err)
			}
			if patch != nil {
				page.apply(t, patch, lists)
			}
			for _, f := range fragments {
				items, isList := lists[f.ID]
				if !slices.Equal(page.lists[f.ID], items) {
					t.Fatalf("%s has %q, want %q", f.ID, page.lists[f.ID], items)
				}
				for _, item := range f.Items {
					if got := page.html[item.ID]; got != string(item.Body.(text)) {
						t.Fatalf("%s is %q, want %q", item.ID, got, item.Body)
					}
				}
				if got := page.html[f.ID]; !isList && got != string(f.Body.(text)) {
					t.Fatalf("%s is %q, want %q", f.ID, got, f.Body)
				}
			}
		}
	})
}

// busyPage is a page with 12 figures and 50 rows.
func busyPage() []templates.Fragment {
	var fragments []templates.Fragment
	for i := range 12 {
		fragments = append(fragments, part(fmt.Sprintf("figure-%d=%s", i, strings.Repeat("figure ", 30))))
	}
	var rows []string
	for i := range 50 {
		rows = append(rows, fmt.Sprintf("row-%d=%s", i, strings.Repeat("cell ", 120)))
	}
	return append(fragments, list("rows", rows...))
}

func TestUnchangedPageAllocatesLittle(t *testing.T) {
	d, page := new(livepage.Differ), busyPage()
	patchOf(t, d, page)
	n := testing.AllocsPerRun(100, func() {
		if patch, err := d.Diff(t.Context(), page); patch != nil || err != nil {
			t.Fatal(string(patch), err)
		}
	})
	if n > 10 { // beyond those of the components
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkDiffUnchanged is an update of an unchanged page of 12 figures and 50 clients.
func BenchmarkDiffUnchanged(b *testing.B) {
	var overview templates.OverviewView
	for i := range 12 {
		overview.Figures = append(overview.Figures, templates.Figure{ID: fmt.Sprintf("figure-%d", i), Label: "Clients", Value: "12,431", Note: "p50 0.4 ms"})
	}
	var clients templates.ClientsView
	for i := range 50 {
		clients.Rows = append(clients.Rows, templates.ClientRow{
			Key: fmt.Sprintf("c-%d", i), ClientID: fmt.Sprintf("client-%d", i), Href: "/admin/clients/client", Info: `{"name":"Ada"}`,
			State: "online", Connections: "2", Channels: []templates.ChannelLink{{Name: "lobby", Href: "/admin/channels/lobby"}},
			Address: "192.0.2.1", Protocol: "HTTP/2.0", Since: time.Unix(1_800_000_000, 0), Events: "1,204", Bytes: "1.2 MiB", Behind: "0",
		})
	}
	d := new(livepage.Differ)
	fragments := func() []templates.Fragment { return append(overview.Fragments(), clients.Fragments()...) }
	patchOf(b, d, fragments())
	b.ReportAllocs()
	for b.Loop() {
		if patch, err := d.Diff(b.Context(), fragments()); patch != nil || err != nil {
			b.Fatal(string(patch), err)
		}
	}
}
