package admin

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/web/reply"
)

// described returns the name that a client's info has, "" for none, and the rest of the info on one line.
func described(info []byte) (name, rest string) {
	if len(info) == 0 {
		return "", ""
	}
	dec := jsontext.NewDecoder(bytes.NewReader(info))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return "", reply.Short(string(info), 160)
	}
	var parts []string
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil {
			break
		}
		member := key.String()
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		text := string(value)
		if value.Kind() == '"' {
			_ = json.Unmarshal(value, &text)
		}
		if name == "" && isNameKey(member) && value.Kind() == '"' && strings.TrimSpace(text) != "" {
			name = text
			continue
		}
		parts = append(parts, member+": "+text)
	}
	return name, reply.Short(strings.Join(parts, ", "), 160)
}

// isNameKey reports whether a member of an info is the client's name for people.
func isNameKey(key string) bool {
	switch key {
	case "name", "displayName", "display_name":
		return true
	}
	return false
}

// infoMember returns a member of a client's info: a string as it is, other values as JSON.
func infoMember(info []byte, member string) (value string, ok bool) {
	if len(info) == 0 {
		return "", false
	}
	dec := jsontext.NewDecoder(bytes.NewReader(info))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return "", false
	}
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil {
			return "", false
		}
		found := key.String() == member
		raw, err := dec.ReadValue()
		if err != nil {
			return "", false
		}
		if !found {
			continue
		}
		text := string(raw)
		if raw.Kind() == '"' {
			_ = json.Unmarshal(raw, &text)
		}
		return text, true
	}
	return "", false
}
