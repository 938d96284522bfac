package reply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonRules are the rules for every JSON body, beside those of NewJSONDecoder and EndJSON: names match exactly, unknown
// names are ignored, the last of several equal names counts, and null counts as a missing value.
//
// AllowInvalidUTF8 is for half a surrogate pair, such as "\ud800", in a payload: it is JSON, and JavaScript produces it
// when it cuts a text within a character. The server's own strings must be whole, see UnquoteJSON.
var jsonRules = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, s *string) error {
		if dec.PeekKind() != '"' {
			return json.SkipFunc
		}
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		*s, err = UnquoteJSON(raw)
		return err
	})),
)

// ErrHalfPair is the error for a string with half a surrogate pair.
var ErrHalfPair = errors.New("has half a surrogate pair")

// UnquoteJSON returns the text of a valid JSON string.
func UnquoteJSON(raw jsontext.Value) (string, error) {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", ErrHalfPair
	}
	return string(text), nil
}

// NewJSONDecoder returns the decoder of a body, whose bytes it does not copy. The body must be UTF-8 and a JSON object.
// Call EndJSON after the object.
func NewJSONDecoder(body *bytes.Buffer) (*jsontext.Decoder, *Fault) {
	if !utf8.Valid(body.Bytes()) {
		return nil, NotJSON(errors.New("it is not UTF-8"))
	}
	dec := jsontext.NewDecoder(body, jsonRules)
	if kind := dec.PeekKind(); kind != '{' && kind != 0 {
		return nil, NewFault(http.StatusBadRequest, "invalid_body", "The body must be a JSON object.")
	}
	return dec, nil
}

// EndJSON returns a fault if anything follows the body's object.
func EndJSON(dec *jsontext.Decoder) *Fault {
	if _, err := dec.ReadToken(); err != io.EOF {
		return NotJSON(errors.New("there is more data after the value"))
	}
	return nil
}

// DecodeJSON reads a body into a struct.
func DecodeJSON(body []byte, into any) *Fault {
	dec, f := NewJSONDecoder(bytes.NewBuffer(body))
	if f != nil {
		return f
	}
	if err := json.UnmarshalDecode(dec, into, jsonRules); err != nil {
		return decodeFault(err)
	}
	return EndJSON(dec)
}

// decodeFault names the field whose value is of the wrong kind.
func decodeFault(err error) *Fault {
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		return NotJSON(err)
	}
	field := fieldName(wrong.JSONPointer)
	if errors.Is(err, ErrHalfPair) {
		return Invalid("invalid_field", field, "%v", ErrHalfPair)
	}
	return Invalid("invalid_field", field, "must be %s", kindName(wrong.GoType))
}

// fieldName returns a field as messages name it, such as events[1].type.
func fieldName(at jsontext.Pointer) string {
	var name strings.Builder
	for token := range at.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			fmt.Fprintf(&name, "[%s]", token)
			continue
		}
		if name.Len() > 0 {
			name.WriteByte('.')
		}
		name.WriteString(token)
	}
	return name.String()
}

// kindName says which JSON a Go type is read from.
func kindName(t reflect.Type) string {
	if t == nil {
		return "of another kind"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}

// NotJSON is the answer to a body that is not JSON.
func NotJSON(err error) *Fault {
	why := strings.TrimPrefix(err.Error(), "jsontext: ")
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "it ends too early"
	}
	return NewFault(http.StatusBadRequest, "invalid_json", "The body is not valid JSON: "+why+".")
}

// OneLine returns a JSON value, without white space if it has line ends.
func OneLine(raw jsontext.Value) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		raw = raw.Clone()
		_ = raw.Compact() // it is valid
	}
	return raw
}
