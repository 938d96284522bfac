package stream

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"rollcall/hub"
	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// ResumeParam returns the requested position.
func ResumeParam(c *gin.Context) string {
	return ResumeID(c.GetHeader("Last-Event-ID"), append(c.QueryArray("lastEventId"), c.QueryArray("last_event_id")...))
}

// Request is a parsed request for a stream.
type Request struct {
	Channels []string
	ClientID string    // "" asks the server for one
	Resume   string    // the client's last position
	From     hub.From  // the start of a stream without a valid position
	UntilNow bool      // the stream ends once it has caught up
	Wants    hub.Wants // the requested presence events
	Always   hub.Wants // the presence events that every stream gets
	Info     []byte    // compact JSON or nil
	Dialect  *hub.Dialect

	// Only for streams of other APIs than /subscribe.
	Field    string // that named the channels; "" means channels
	DeviceID string
	Place    node.Place // nil if only the client knows its position
}

// Asked has the parameters of a request as the client wrote them.
type Asked struct {
	Channels []string
	ClientID string
	IDs      []string // positions; the header Last-Event-ID precedes them
	From     string
	Until    string
	Format   string
	Presence []string
	Info     []byte
}

// Check makes a Request of the parameters, or returns what is wrong with them.
func (s *Streams) Check(c *gin.Context, asked Asked) (*Request, *reply.Fault) {
	channels, f := s.CheckChannels(asked.Channels)
	switch {
	case f != nil:
		return nil, f
	case len(channels) == 0:
		return nil, reply.Invalid("missing_channels", "channels", "is required; name at least one channel, such as ?channels=news")
	case !reply.IsClientID(asked.ClientID):
		return nil, reply.Invalid("invalid_client_id", "clientId", "must have at most %d bytes of UTF-8 and no control characters", reply.MaxClientID)
	}
	r := &Request{Channels: channels, ClientID: asked.ClientID, Resume: ResumeID(c.GetHeader("Last-Event-ID"), asked.IDs), Always: s.always}
	if r.Wants, f = checkWants(asked.Presence); f != nil {
		return nil, f
	}
	if i := slices.IndexFunc(channels, eventlog.IsPattern); i >= 0 && r.Wants&hub.WantMembers != 0 {
		return nil, reply.Invalid("invalid_presence", "presence",
			"must not have channels beside a pattern; GET /presence/stream?channels=%s follows the members of its channels", channels[i])
	}
	if r.Info, f = CheckInfo(asked.Info); f != nil {
		return nil, f
	}
	if r.From, f = checkFrom(asked.From); f != nil {
		return nil, f
	}
	switch asked.Until {
	case "":
	case "now":
		r.UntilNow, r.Wants, r.Always = true, 0, 0
	default:
		return nil, reply.Invalid("invalid_until", "until", "must be now")
	}
	switch asked.Format {
	case "":
	case "json":
		r.Dialect = jsonDialect
	case "raw":
		r.Dialect, r.Wants, r.Always = rawDialect, 0, 0
		if asked.From == "" {
			r.From = hub.FromNow
		}
	default:
		return nil, reply.Invalid("invalid_format", "format", "must be json or raw")
	}
	return r, nil
}

// checkFrom parses the start of a stream.
func checkFrom(from string) (hub.From, *reply.Fault) {
	switch from {
	case "":
		return hub.FromHead, nil
	case "now":
		return hub.FromNow, nil
	case "last":
		return hub.FromLast, nil
	case "oldest":
		return hub.FromOldest, nil
	}
	return 0, reply.Invalid("invalid_from", "from", "must be oldest, last or now")
}

// checkWants parses the requested presence events.
func checkWants(list []string) (wants hub.Wants, f *reply.Fault) {
	for _, want := range list {
		switch want {
		case "online":
			wants |= hub.WantOnline
		case "channels":
			wants |= hub.WantMembers
		case "":
		default:
			return 0, reply.Invalid("invalid_presence", "presence", "must be online, channels or both")
		}
	}
	return wants, nil
}

// CheckChannels returns names and patterns without repetitions, in order, or says what is wrong with them.
func (s *Streams) CheckChannels(names []string) ([]string, *reply.Fault) {
	for _, name := range names {
		if _, err := eventlog.ParsePattern(name); err != nil {
			return nil, reply.Invalid("invalid_channel", "channels", "has a name that %v", err)
		}
	}
	names = Unrepeated(names)
	if len(names) > s.opts.MaxChannels {
		return nil, reply.Invalid("too_many_channels", "channels", "has %d names; a stream may have %d", len(names), s.opts.MaxChannels)
	}
	return names, nil
}

// ResumeID chooses among the ids of the header and the query: the first well-formed one, else the first one.
func ResumeID(header string, ids []string) string {
	ids = append([]string{header}, ids...)
	for _, id := range ids {
		if _, err := eventlog.ParsePosition(id); err == nil {
			return id
		}
	}
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

// CheckInfo returns info, which is nil or must be a JSON object, on one line.
func CheckInfo(info []byte) ([]byte, *reply.Fault) {
	if len(info) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	if len(info) > reply.MaxInfo || !utf8.Valid(info) || json.Compact(&out, info) != nil || out.Len() == 0 || out.Bytes()[0] != '{' {
		return nil, reply.Invalid("invalid_info", "info", "must be a JSON object of at most %d bytes", reply.MaxInfo)
	}
	return slices.Clip(out.Bytes()), nil
}

// Unrepeated returns names without repetitions, in order.
func Unrepeated(names []string) []string {
	if len(names) < 2 {
		return names
	}
	seen := make(map[string]bool, len(names))
	kept := names[:0]
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}
