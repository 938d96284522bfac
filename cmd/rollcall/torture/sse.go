package torture

import (
	"bufio"
	"io"
	"strings"
)

// Message is an event of a stream as it stands there.
type Message struct{ ID, Kind, Data string }

// Scan reads events from a stream until it ends, and returns the reason. A truncated event is dropped.
func Scan(stream io.Reader, on func(Message)) error {
	var m Message
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 512), 8<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); name {
		case "id":
			m.ID = value
		case "event":
			m.Kind = value
		case "data":
			m.Data = value
		case "":
			if lines.Text() == "" && m.Data != "" {
				on(m)
				m = Message{}
			}
		}
	}
	return lines.Err()
}
