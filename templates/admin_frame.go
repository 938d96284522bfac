package templates

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// AdminFrame is the part of an admin page around its content. The server makes views: counts, rates and sizes are
// formatted; times are times, because the page shows them in the viewer's zone.
type AdminFrame struct {
	Version string // "v1.2.3" or "dev"
	Node    string // the server's name
	Section string // of the navigation: "overview", "clients", "channels", "tail", "alarms", "blocks", "audit", "server"; "" marks none
	Live    string // the page's own path and query, passed to /admin/stream?page=; "" for a page that is not live
	Flash   Flash  // the result of the last action
	Notice  string // about the servers, above the content of all pages; "" for none

	User string
	Role string // "viewer", "operator" or a role of the configuration
	// Channels are the patterns that the role is limited to; "" for all channels.
	Channels string
	CanAct   bool // whether the page offers actions
	Alarms   int  // on all servers, that an operator should look at
}

// Fragments returns the live parts that all pages have.
func (f AdminFrame) Fragments() []Fragment {
	parts := []Fragment{{ID: "notice", Body: notice(f.Notice)}}
	if f.Channels == "" {
		parts = append(parts, Fragment{ID: "alarm-count", Body: alarmCount(f.Alarms)})
	}
	return parts
}

// Flash is the result of an action, shown once. The zero value shows nothing.
type Flash struct {
	Tone string // "ok", "warn" or "bad"
	Text string
	Undo string // where a form that undoes it is posted; may be empty
}

// Fragment is a live part of a page: the element with this id. A list has Items, each an element with an id of its
// own, in order; its component renders the whole list with its items.
type Fragment struct {
	ID    string
	Body  templ.Component
	Items []Fragment
}

// ChannelLink is a channel's name and the address of its page, or a pattern and that of its channels' events.
type ChannelLink struct {
	Name, Href string
	Pattern    bool
}

// adminModules are the ES modules of the admin pages.
var adminModules = []string{"admin.js", "live.js", "patches.js", "charts.js", "zoom.js", "ages.js", "forms.js", "search.js", "marks.js", "find.js", "panel.js", "feed.js", "dom.js"}

// adminStyles are the style sheets of the admin pages. The last one overrides the others.
var adminStyles = []string{"admin.css", "charts.css", "tables.css", "events.css", "panel.css", "narrow.css"}

// wallStyles are those of the wall display.
var wallStyles = append(slices.Clone(adminStyles), "wall.css")

// section is a page in the navigation.
type section struct{ name, label, path, key string }

var sections = []section{
	{"overview", "Overview", "/admin", "o"},
	{"clients", "Clients", "/admin/clients", "c"},
	{"channels", "Channels", "/admin/channels", "h"},
	{"tail", "Tail", "/admin/tail", "t"},
	{"alarms", "Alarms", "/admin/alarms", "l"},
	{"blocks", "Blocks", "/admin/blocks", "b"},
	{"audit", "Audit", "/admin/audit", "a"},
	{"server", "Server", "/admin/server", "s"},
}

// sections returns the pages in the navigation.
func (f AdminFrame) sections() []section {
	if f.Channels == "" {
		return sections
	}
	return slices.DeleteFunc(slices.Clone(sections), func(s section) bool { return s.name != "channels" && s.name != "tail" })
}

// nonced returns the nonce attribute of a script or style, if the server sets one.
func nonced(ctx context.Context) templ.Attributes {
	if nonce := templ.GetNonce(ctx); nonce != "" {
		return templ.Attributes{"nonce": nonce}
	}
	return nil
}

// title returns the text of the page's tab.
func (f AdminFrame) title(page string) string {
	parts := []string{visible(page)}
	if f.Node != "" {
		parts = append(parts, visible(f.Node))
	}
	return strings.Join(append(parts, "Rollcall"), " · ")
}

// mark returns the icon of a message.
func (f Flash) mark() string {
	if f.Tone == "warn" || f.Tone == "bad" {
		return f.Tone
	}
	return "ok"
}

// invalid returns the attributes of a field with an error, whose message has this id.
func invalid(is bool, message string) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": message}
}

// plural returns the noun for a formatted count.
func plural(count, noun string) string {
	if count == "1" {
		return noun
	}
	return noun + "s"
}

// below returns the path of an action on the client or channel whose page is at base, which may have a query.
func below(base, action string) string {
	path, query, ok := strings.Cut(base, "?")
	if ok {
		return path + "/" + action + "?" + query
	}
	return base + "/" + action
}

// queryField is a part of an address's query.
type queryField struct{ name, value string }

// queryOf returns the parts of an address's query, by name.
func queryOf(address string) (fields []queryField) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	values := u.Query()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fields = append(fields, queryField{name, values.Get(name)})
	}
	return fields
}
