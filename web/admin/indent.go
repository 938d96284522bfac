package admin

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// How much longer indented JSON may be than the JSON itself: so many times, and so
// many bytes.
const (
	indentTimes = 4
	indentBytes = 4 << 10
)

// errLong means that indented JSON would be too long.
var errLong = errors.New("too long")

// bounded is a buffer that takes a limited number of bytes.
type bounded struct {
	bytes.Buffer
	limit int
}

func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > b.limit {
		return 0, errLong
	}
	return b.Buffer.Write(text)
}

// indented returns JSON for people to read. Text that is not JSON, or is nested so deeply that indenting is too
// expensive, is returned unchanged.
func indented(raw []byte) string {
	out := &bounded{limit: indentTimes*len(raw) + indentBytes}
	lax := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	dec := jsontext.NewDecoder(bytes.NewReader(raw), lax...)
	enc := jsontext.NewEncoder(out, append(lax, jsontext.WithIndent("  "), jsontext.PreserveRawStrings(true))...)
	for len(raw) > 0 {
		token, err := dec.ReadToken()
		if err == nil {
			err = enc.WriteToken(token)
		}
		if err != nil || enc.OutputOffset() > int64(out.limit) {
			return string(raw)
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if dec.PeekKind() != 0 { // there is more
		return string(raw)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte{'\n'}))
}
