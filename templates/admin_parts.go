package templates

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// section is a part of the admin UI that the navigation leads to.
type section struct{ name, label, path, key string }

var sections = []section{
	{"overview", "Overview", "/admin", "o"},
	{"clients", "Clients", "/admin/clients", "c"},
	{"channels", "Channels", "/admin/channels", "h"},
	{"tail", "Tail", "/admin/tail", "t"},
	{"blocks", "Blocks", "/admin/blocks", "b"},
	{"audit", "Audit", "/admin/audit", "a"},
	{"server", "Server", "/admin/server", "s"},
}

// icons are drawn with a pen 1.5 wide on 16 by 16.
var icons = map[string]string{
	"overview": "M2.5 13.5v-4M6.2 13.5v-7M9.8 13.5v-5M13.5 13.5v-11",
	"clients":  "M6 7.5a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM1.4 13.5c0-2.4 2-4 4.6-4s4.6 1.6 4.6 4M10.8 2.6a2.5 2.5 0 0 1 0 4.7M12.2 9.8c1.5.6 2.4 1.9 2.4 3.7",
	"channels": "M6.2 2 4.8 14M11.2 2 9.8 14M2.6 5.6h11.2M2.2 10.4h11.2",
	"tail":     "M2 3.5h12M2 7.5h6.5M2 11.5h4M12 7.2v6M9.8 11.2l2.2 2.2 2.2-2.2",
	"blocks":   "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM3.8 3.8l8.4 8.4",
	"audit":    "M4 2.2h8a1 1 0 0 1 1 1v9.6a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V3.2a1 1 0 0 1 1-1zM5.6 5.6h4.8M5.6 8.2h4.8M5.6 10.8h2.6",
	"server":   "M3 2.5h10a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V3.5a1 1 0 0 1 1-1zM3 8.9h10a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V9.9a1 1 0 0 1 1-1zM4.7 4.8h.01M4.7 11.2h.01",
	"search":   "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
	"up":       "M4.5 9.5 8 6l3.5 3.5",
	"down":     "M4.5 6.5 8 10l3.5-3.5",
	"sort":     "M5.5 6 8 3.5 10.5 6M5.5 10 8 12.5 10.5 10",
	"lock":     "M4 7h8a1 1 0 0 1 1 1v5a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM5 7V5a3 3 0 0 1 6 0v2",
	"ok":       "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.4 8.2l1.9 1.9 3.4-3.9",
	"warn":     "M8 2.4 14.4 13.4H1.6zM8 6.5v3.3M8 11.6v.01",
	"bad":      "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.6M8 11v.01",
	"back":     "M9.5 4 5.5 8l4 4",
	"next":     "M6.5 4l4 4-4 4",
}

// nonced is the nonce attribute of a script or style, where the server sets one.
func nonced(ctx context.Context) templ.Attributes {
	if nonce := templ.GetNonce(ctx); nonce != "" {
		return templ.Attributes{"nonce": nonce}
	}
	return nil
}

// title is the text of the page's tab.
func (f AdminFrame) title(page string) string {
	parts := []string{visible(page)}
	if f.Node != "" {
		parts = append(parts, visible(f.Node))
	}
	return strings.Join(append(parts, "Rollcall"), " · ")
}

// mark is the icon of a message.
func (f Flash) mark() string {
	if f.Tone == "warn" || f.Tone == "bad" {
		return f.Tone
	}
	return "ok"
}

// mark is the icon of a warning.
func (w Warning) mark() string {
	if w.Tone == "bad" {
		return "bad"
	}
	return "warn"
}

func warningID(w Warning) string { return "warning-" + w.Key }

func momentID(list string, m Moment) string { return list + "-" + m.Key }

// samplePayloadJSON is a payload to begin with.
const samplePayloadJSON = `{"text": "Hello, roll call!"}`

// Sentences of lists without entries.
const (
	newsEmpty     = "No joins or leaves yet."
	timelineEmpty = "No history for this client."
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func utc(t time.Time) string { return t.UTC().Format(time.DateTime) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// figureColumns is how many figures stand in a row of a wide page, so that no row is left short
// if that can be had.
func figureColumns(n int) string {
	if n <= 6 {
		return strconv.Itoa(n)
	}
	for _, columns := range []int{6, 5, 4} {
		if n%columns == 0 {
			return strconv.Itoa(columns)
		}
	}
	return strconv.Itoa((n + 1) / 2)
}

// ClientColumns are the columns of a table of clients in the order of its cells: Href and Sorted
// are for the server to set.
func ClientColumns() []Column {
	return []Column{
		{Label: "Client"}, {Label: "Connections", Numeric: true}, {Label: "Channels"}, {Label: "Address"},
		{Label: "Online since"}, {Label: "Events", Numeric: true}, {Label: "Bytes", Numeric: true, Minor: true},
		{Label: "Behind", Numeric: true},
	}
}

// ChannelColumns are the columns of a table of channels in the order of its cells: Href and
// Sorted are for the server to set.
func ChannelColumns() []Column {
	return []Column{
		{Label: "Channel"}, {Label: "Rate", Numeric: true}, {Label: "Clients", Numeric: true},
		{Label: "Connections", Numeric: true}, {Label: "Last event"}, {Label: "Kept", Numeric: true},
		{Label: "Bytes", Numeric: true, Minor: true},
	}
}

// columnsOr is columns, or those that a page has by itself.
func columnsOr(columns, own []Column) []Column {
	if len(columns) == len(own) {
		return columns
	}
	return own
}

// subscribeLine is a command that listens to a channel.
func subscribeLine(baseURL, channel, clientID string) string {
	return "curl -N '" + shellQuoted(baseOr(baseURL)) + "/subscribe?channels=" + queryList([]string{channel}) +
		"&clientId=" + queryList([]string{clientID}) + "'"
}

// publishLine is a command that publishes a greeting to a channel.
func publishLine(baseURL, channel string) string {
	return "curl '" + shellQuoted(baseOr(baseURL)) + "/publish' -H 'Content-Type: application/json' -d '" +
		shellQuoted(sampleBatch(channel)) + "'"
}

func baseOr(baseURL string) string {
	if baseURL = strings.TrimRight(baseURL, "/"); baseURL != "" {
		return baseURL
	}
	return DefaultBaseURL
}

// lines counts the lines of a text.
func lines(s string) int { return strings.Count(s, "\n") + 1 }

// shortPayload is how many lines of a payload are shown unfolded.
const shortPayload = 8

// oneLine is the payload where it fits on a line as it is.
func (r EventRow) oneLine() bool {
	return !strings.Contains(r.Payload, "\n") && (r.Line == "" || r.Line == r.Payload)
}

func (r EventRow) line() string {
	if r.Line != "" {
		return r.Line
	}
	line, _, _ := strings.Cut(r.Payload, "\n")
	return line
}

// state is the word for a client, and how it is coloured.
func (v ClientView) state() (word, tone string) {
	switch {
	case v.Leaving:
		return "leaving", "warn"
	case v.Online:
		return "online", "ok"
	}
	return "offline", ""
}

// level is the colour of a connection's state.
func (r ConnectionRow) level() string {
	switch r.State {
	case "live":
		return "ok"
	case "catching up":
		return "warn"
	case "not reading":
		return "bad"
	}
	return ""
}

func behindLevel(behind string, slow bool) string {
	switch {
	case slow:
		return "bad"
	case behind != "" && behind != "0":
		return "warn"
	}
	return ""
}

// seconds is a wait in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

func waitText(d time.Duration) string {
	if d >= 2*time.Minute {
		return strconv.Itoa(int((d+time.Minute-1)/time.Minute)) + " minutes"
	}
	if s := seconds(d); s != "1" {
		return s + " seconds"
	}
	return "1 second"
}

// invalid are the attributes of a field that the message with this id is about.
func invalid(is bool, message string) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": message}
}

// curl is a command that does what the page shows.
func (v ChannelView) curl() string {
	if v.Tail.Curl != "" {
		return v.Tail.Curl
	}
	return subscribeLine(v.BaseURL, v.Name, "curl")
}

func (d DrainView) rate() string {
	if d.Rate != "" {
		return d.Rate
	}
	return "100"
}

// plural is the noun for a written count.
func plural(count, noun string) string {
	if count == "1" {
		return noun
	}
	return noun + "s"
}

// text is what there is to say of draining, or what it does.
func (d DrainView) text() string {
	if d.Text != "" || d.Draining {
		return d.Text
	}
	return "Ends the open streams a few at a time, each with a time to reconnect; new streams are refused meanwhile."
}

// below returns the path of an action on what has its page at base, which may have a query.
func below(base, action string) string {
	path, query, ok := strings.Cut(base, "?")
	if ok {
		return path + "/" + action + "?" + query
	}
	return base + "/" + action
}
