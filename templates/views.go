package templates

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// Defaults of the start page for empty fields of a StartView.
const (
	DefaultBaseURL  = "http://127.0.0.1:9090"
	DefaultChannels = "news,chat"
	DefaultTypes    = "message, typing"
)

// StartView is the content of the start page. The zero value renders a useful page.
type StartView struct {
	// Version is the server's version, "v1.2.3" or "dev". Empty shows none.
	Version string

	// BaseURL is scheme and host of the visitor's request, without a trailing slash. It may come from the Host header,
	// so it is escaped as foreign text. Empty means DefaultBaseURL. With JavaScript the page uses its own origin
	// instead.
	BaseURL string

	// Channels is the comma list in the channels field of a first visit; empty means
	// DefaultChannels.
	Channels string

	// Types is the comma list of event types that a first visit listens to, besides the server's own; empty means
	// DefaultTypes.
	Types string

	Demos bool // whether demo pages exist
	Admin bool // whether the admin UI is on this address
}

// ErrorView is the content of an error page.
type ErrorView struct {
	Version string // as in StartView

	Status int    // HTTP status, shown as a number; 0 shows none
	Title  string // a few words: "Page not found"
	Text   string // one or two sentences: the problem and its remedy
}

// page is the frame's view of a page.
type page struct {
	title   string
	version string
	styles  []string        // sheets under /assets/ besides the house style
	modules []string        // ES modules: the entry first, then what it imports; see modulePath
	status  templ.Component // right end of the top bar; nil for none
	admin   bool            // the top bar has a link to the admin UI
	refresh string          // path that the browser goes on to at once; "" for none
}

func (v StartView) withDefaults() StartView {
	v.BaseURL = strings.TrimRight(v.BaseURL, "/")
	if v.BaseURL == "" {
		v.BaseURL = DefaultBaseURL
	}
	if strings.TrimSpace(v.Channels) == "" {
		v.Channels = DefaultChannels
	}
	if strings.TrimSpace(v.Types) == "" {
		v.Types = DefaultTypes
	}
	return v
}

// command is a command line to copy. Its parts are literal text and slots; the script refills the slots when the
// visitor changes channels and events, so the lines are written in one place.
type command struct {
	id    string
	label string
	about string
	parts []part
}

// part is a piece of a command; slot, if not empty, is its name for the script.
type part struct{ text, slot string }

// commands returns the curl lines of the start page, with their slots filled for v. The slots are between single
// quotes, and their values are escaped for that.
func (v StartView) commands() []command {
	names := splitList(v.Channels)
	first := ""
	if len(names) > 0 {
		first = names[0]
	}
	base := part{shellQuoted(v.BaseURL), "base"}
	list := part{queryList(names), "channels"}
	channel := part{queryList([]string{first}), "channel"}
	batch := part{shellQuoted(sampleBatch(first)), "batch"}
	text := func(s string) part { return part{text: s} }

	return []command{
		{"subscribe", "Subscribe", "many channels, one stream",
			[]part{text("curl -N '"), base, text("/subscribe?channels="), list, text("&clientId=curl'")}},
		{"publish", "Publish", "a batch, all or nothing",
			[]part{text("curl '"), base, text("/publish' -H 'Content-Type: application/json' -d '"), batch, text("'")}},
		{"last-event", "Last event", "of one channel",
			[]part{text("curl '"), base, text("/lastEvent?channel="), channel, text("'")}},
		{"history", "History", "kept events, oldest first",
			[]part{text("curl '"), base, text("/history?channel="), channel, text("&limit=10'")}},
		{"clients", "Who is online", "once, as a list",
			[]part{text("curl '"), base, text("/presence/clients'")}},
		{"presence", "Presence, live", "a snapshot, then joins and leaves",
			[]part{text("curl -N '"), base, text("/presence/stream'")}},
	}
}

// splitList splits a comma list into its trimmed, non-empty names.
func splitList(s string) []string {
	var names []string
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// queryList encodes names as a comma list for a query string. The result needs no shell quoting.
func queryList(names []string) string {
	encoded := make([]string, len(names))
	for i, name := range names {
		encoded[i] = strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return strings.Join(encoded, ",")
}

// shellQuoted escapes s for a place between single quotes in a POSIX shell command. Control characters are dropped: a
// newline in a pasted line would end the command.
func shellQuoted(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.ReplaceAll(s, `'`, `'\''`)
}

// sampleBatch returns a body that publishes one greeting to channel.
func sampleBatch(channel string) string {
	type event struct {
		ChannelName string `json:"channelName"`
		Type        string `json:"type"`
		Payload     any    `json:"payload"`
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Strings always encode, so the error is nil.
	_ = enc.Encode(map[string][]event{"events": {{channel, "message", SamplePayload}}})
	return strings.TrimSpace(b.String())
}

// SamplePayload is the initial payload of the start page's form.
const SamplePayload = "Hello, roll call!"

// statusText returns v.Status as text, or "" for 0.
func (v ErrorView) statusText() string {
	if v.Status == 0 {
		return ""
	}
	return strconv.Itoa(v.Status)
}

// modulePath returns the address of a module: its own, if it begins with a slash, else that below /assets/.
func modulePath(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/assets/" + name
}
