package eventlog

import (
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
)

// ErrPosition is returned for a text that is not a position.
var ErrPosition = errors.New("not a position: the form is <epoch>-<seq>")

// maxPosition is the longest text, in bytes, that is looked at as a position.
// Browsers treat ids over 128 bytes as unsafe in cross-origin requests.
const maxPosition = 128

// Position is a place in a log: after the event with this sequence number, in
// the life of the log that the epoch names. Its text form is the SSE id.
type Position struct {
	Epoch string // characters [A-Za-z0-9._], never empty
	Seq   uint64 // 0 is before the first event
}

// String returns "<epoch>-<seq>".
func (p Position) String() string {
	return p.Epoch + "-" + strconv.FormatUint(p.Seq, 10)
}

// ParsePosition reads the text form of a position. It is strict, so that a text
// has one meaning: no sign, no leading zero, at most 128 bytes. The error is
// ErrPosition.
func ParsePosition(s string) (Position, error) {
	if len(s) > maxPosition {
		return Position{}, ErrPosition
	}
	epoch, digits, ok := strings.Cut(s, "-")
	if !ok || epoch == "" || digits == "" || (digits[0] == '0' && len(digits) > 1) || digits[0] == '+' {
		return Position{}, ErrPosition
	}
	for i := range len(epoch) {
		if c := epoch[i]; c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return Position{}, ErrPosition
		}
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return Position{}, ErrPosition
	}
	return Position{epoch, seq}, nil
}

// NewEpoch returns a random name for a new life of a log, 50 bits of chance in
// ten lower-case characters.
func NewEpoch() string {
	return strings.ToLower(rand.Text()[:10])
}
