package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"rollcall/hub/eventlog"
)

// payloadOf returns a form's payload: JSON without the space between its parts or, if the form says that it is text, a
// string. For text that is not JSON it returns a sentence that says where and why.
func payloadOf(text string, isText bool) (payload []byte, wrong string) {
	text = validUTF8(text)
	if isText {
		return eventlog.AppendString(nil, text), ""
	}
	if strings.TrimSpace(text) == "" {
		return nil, `payload is empty; write JSON, such as null or "", or send it as text`
	}
	var out bytes.Buffer
	if json.Compact(&out, []byte(text)) == nil {
		return out.Bytes(), ""
	}
	return nil, "payload is not JSON: " + jsonFault(text) + ". Correct it, or send it as text"
}

// jsonFault says where a text stops being JSON: "line 1, column 2: invalid character 'b'…".
func jsonFault(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	var value any
	err := dec.Decode(&value)
	at, why := len(text), "the text ends too early"
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
		at, why = int(syntax.Offset)-1, syntax.Error()
	case err == nil: // something follows the value
		at = int(dec.InputOffset())
		at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t\r\n"))
		why = "more text follows the value"
	}
	at = min(max(at, 0), len(text))
	before := text[:at]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d: %s", line, column, why)
}
