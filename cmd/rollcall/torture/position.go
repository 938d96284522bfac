package torture

import (
	"strconv"
	"strings"
)

// Position is a place in a log.
type Position struct {
	Epoch string
	Seq   uint64
}

// ParsePosition parses an id. An invalid id is the zero Position.
func ParsePosition(id string) Position {
	epoch, text, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return Position{}
	}
	return Position{epoch, seq}
}

func (p Position) String() string { return p.Epoch + "-" + strconv.FormatUint(p.Seq, 10) }
