package eventlog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on names, in bytes.
const (
	MaxChannel = 255 // a channel's name
	MaxType    = 64  // an event's type
	MaxKey     = 128 // an idempotency key
)

// Event is one thing to append. The log keeps nothing of it by reference; once
// Append has returned, the memory behind it is the caller's again.
type Event struct {
	Channel string // see [CheckChannel]
	Type    string // see [CheckType]
	Payload []byte // one JSON value, valid UTF-8; see Frame about line ends
	Key     string // idempotency key within the channel; "" is none
	// Bare makes Payload the whole data line of the frame instead of wrapping it
	// with channelName, type and timestamp. Payload must then hold no line ends.
	Bare bool
	// Except is the id of a connection that does not get the event; "" is none. It has at most [MaxKey] bytes.
	Except string
	// Append makes the payload, a JSON string, the next piece of one text, which is known by this key within the channel; see
	// [JoinPieces]. "" is none. It has at most [MaxKey] bytes.
	Append string
	// End makes the event the last one of its channel: further appends to it fail with an [EndedError] as long as the event is kept.
	End bool
	// Trace is kept beside the event for its deliverers, and not sent: its origin, such as a W3C traceparent. "" means
	// none; more than 255 bytes count as none.
	Trace string
}

// reserved are the types of events that only the server sends.
var reserved = map[string]bool{
	"registered": true, "lastEvent": true, "online-presence": true,
	"presence": true, "gap": true, "goodbye": true,
}

// IsOwn reports whether the channel is one of the server's own. Nobody subscribes to it by name, and lists of all
// channels omit it.
func IsOwn(channel string) bool { return channel != "" && channel[0] == '$' }

// clientPrefix begins the name of the channel that the events to one client are on.
const clientPrefix = "$@"

// MaxClient is the longest id of a client, in bytes, that events can be sent to.
const MaxClient = MaxChannel - len(clientPrefix)

// ClientChannel returns the channel of the events to one client, which its streams alone have. It returns "" for an id
// of more than [MaxClient] bytes.
func ClientChannel(id string) string {
	if id == "" || len(id) > MaxClient {
		return ""
	}
	return clientPrefix + id
}

// ClientOf returns the client of a channel of [ClientChannel], and "" for other channels.
func ClientOf(channel string) string {
	if id, ok := strings.CutPrefix(channel, clientPrefix); ok {
		return id
	}
	return ""
}

// CheckChannel returns what is wrong with a channel's name, as the end of a sentence that begins with the field, or
// nil. A name is 1–255 bytes of UTF-8, without control characters, comma, leading or trailing space, or a whole token
// "*" or ">" (tokens are split by "."), and does not begin with "$".
func CheckChannel(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("is empty; a channel name has 1 to %d bytes", MaxChannel)
	case len(name) > MaxChannel:
		return fmt.Errorf("has %d bytes; a channel name has 1 to %d", len(name), MaxChannel)
	case !utf8.ValidString(name):
		return fmt.Errorf("is not valid UTF-8")
	case name[0] == '$':
		return fmt.Errorf("begins with \"$\"; such names are reserved for the server")
	case strings.ContainsRune(name, ','):
		return fmt.Errorf("has a comma, which separates channel names")
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("has a control character")
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("begins or ends with a space")
	}
	for token := range strings.SplitSeq(name, ".") {
		if token == "*" || token == ">" {
			return fmt.Errorf("has the token %q, which is reserved for patterns", token)
		}
	}
	return nil
}

// CheckType returns what is wrong with the type of a published event, or nil: 1–64 bytes of UTF-8, no control
// characters, not one of the server's own types.
func CheckType(typ string) error {
	switch {
	case typ == "":
		return fmt.Errorf("is empty; a type has 1 to %d bytes", MaxType)
	case len(typ) > MaxType:
		return fmt.Errorf("has %d bytes; a type has 1 to %d", len(typ), MaxType)
	case !utf8.ValidString(typ):
		return fmt.Errorf("is not valid UTF-8")
	case strings.ContainsFunc(typ, unicode.IsControl):
		return fmt.Errorf("has a control character")
	case reserved[typ]:
		return fmt.Errorf("%q is reserved for the server", typ)
	}
	return nil
}
