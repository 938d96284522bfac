package admin

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"rollcall/hub/eventlog"
	"rollcall/templates"
	"rollcall/web/auth"
	"rollcall/web/login"
	"rollcall/web/reply"
)

// tailRows is how many events a tail begins with.
const tailRows = 50

// tail paints /admin/tail: the newest events of any channels.
func (a *Admin) tail(v *pageRequest) (func() renderedPage, *reply.Fault) {
	v.frame.Section = "tail"
	channels := strings.Join(splitNames(v.query.Get("channels")), ",")
	t, f := a.tailOf(v, channels)
	if f != nil {
		// The form is shown again, with what is wrong.
		t = &tail{admin: a, refused: true}
		v.frame.Flash = templates.Flash{Tone: "bad", Text: f.Message}
	}
	return func() renderedPage {
		view := templates.TailView{AdminFrame: v.frame, BaseURL: v.base, Tail: templates.TailControls{
			Action: Path + "/tail", Channels: channels, Filter: v.query.Get("filter"),
			Curl: curlTail(v.base, channels, v.query.Get("filter")),
		}}
		if v.live {
			return renderedPage{parts: view.Fragments(), feed: t.newRows}
		}
		view.Rows = t.rows()
		view.Live = t.liveFrom(v.frame.Live)
		return renderedPage{body: templates.Tail(view)}
	}, nil
}

// splitNames splits a comma list into its trimmed names.
func splitNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// curlTail returns the command that follows the same channels, all without any, and shows what passes the filter; "" for
// names that no stream can ask for.
func curlTail(base, channels, filter string) string {
	names := splitNames(cmp.Or(channels, ">"))
	for i, name := range names {
		if eventlog.CheckChannel(name) != nil && !eventlog.IsPattern(name) {
			return ""
		}
		names[i] = strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	line := "curl -N '" + strings.ReplaceAll(base, "'", "") + "/subscribe?channels=" + strings.Join(names, ",") + "'"
	if filter != "" {
		line += " | grep --line-buffered -iF -B 2 -A 1 -e '" + strings.ReplaceAll(filter, "'", `'\''`) + "'"
	}
	return line
}

// tail reads the newest events of the log for a page. It asks the log each time:
// no queue, and nothing that an append would have to wait for.
type tail struct {
	admin    *Admin
	patterns auth.Patterns // none means every channel
	session  *login.Session
	filter   string // in lower case
	since    uint64 // the last position of the page's own rows
	open     bool   // payloads are shown unfolded
	refused  bool   // the filter is not a pattern: nothing is shown
}

// tailOf returns the tail that a page asks for.
func (a *Admin) tailOf(v *pageRequest, channels string) (*tail, *reply.Fault) {
	patterns, err := auth.ParsePatterns(channels)
	if err != nil {
		return nil, reply.Invalid("invalid_channel", "channels", "has an invalid name: %v", err)
	}
	t := &tail{admin: a, session: v.session, patterns: patterns, filter: strings.ToLower(v.query.Get("filter"))}
	t.since, _ = strconv.ParseUint(v.query.Get("since"), 10, 64)
	return t, nil
}

func (t *tail) matches(channel string) bool {
	return !t.refused && sees(t.session, channel) && (len(t.patterns) == 0 || t.patterns.Matches(channel))
}

// shows reports whether an event passes the filter.
func (t *tail) shows(r *eventlog.Record) bool {
	return t.filter == "" || containsFold(r.Type(), t.filter) || containsFold(r.Channel(), t.filter) ||
		containsFold(string(r.Payload()), t.filter)
}

// rows returns the page's first rows, newest first.
func (t *tail) rows() []templates.EventRow {
	recs, through := t.admin.node.Log.Newest(10*tailRows, 0, t.matches)
	t.since = through
	var rows []templates.EventRow
	epoch := t.admin.node.Log.Head().Epoch
	for _, r := range recs {
		if t.shows(r) && len(rows) < tailRows {
			rows = append(rows, recordRow(r, epoch))
		}
	}
	return rows
}

// liveFrom returns the page's live path from the last position of its own rows.
func (t *tail) liveFrom(page string) string {
	if t.since == 0 {
		t.since = t.admin.node.Log.Head().Seq
	}
	u, err := url.Parse(page)
	if err != nil {
		return page
	}
	return query{u.Query()}.with(u.EscapedPath(), "since", strconv.FormatUint(t.since, 10))
}

// newRows returns the events that came since, newest first, as many as a feed keeps.
func (t *tail) newRows(since uint64) ([]templ.Component, uint64) {
	if since = max(since, t.since); since > t.admin.node.Log.Head().Seq {
		since = 0 // the log began anew since the page was loaded
	}
	recs, through := t.admin.node.Log.Newest(feedKeep, since, t.matches)
	t.since = through
	recs = slices.DeleteFunc(recs, func(r *eventlog.Record) bool { return !t.shows(r) })
	epoch := t.admin.node.Log.Head().Epoch
	items := make([]templ.Component, len(recs))
	for i, r := range recs {
		row := recordRow(r, epoch)
		row.Open = t.open
		items[i] = templates.EventItem(row)
	}
	return items, through
}
