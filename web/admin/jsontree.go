package admin

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/templates"
)

// Limits of JSON that is shown in folds; JSON beyond them is shown as text.
const (
	treeNodes = 3000
	treeDepth = 40
)

// jsonTree returns JSON for folds, nil if it is no JSON or too large.
func jsonTree(raw []byte) *templates.JSONNode {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	left := treeNodes
	root, ok := readNode(dec, &left)
	if !ok || dec.PeekKind() != 0 {
		return nil
	}
	return &root
}

// readNode reads a value, and takes its nodes from those that are left.
func readNode(dec *jsontext.Decoder, left *int) (n templates.JSONNode, ok bool) {
	if *left--; *left < 0 || dec.StackDepth() > treeDepth {
		return n, false
	}
	kind := dec.PeekKind()
	if kind != '{' && kind != '[' {
		value, err := dec.ReadValue()
		if err != nil {
			return n, false
		}
		n.Kind, n.Text = map[jsontext.Kind]string{'"': "string", '0': "number"}[kind], string(value)
		if kind == '"' {
			n.Text = plainString(value)
		}
		return n, true
	}
	if _, err := dec.ReadToken(); err != nil {
		return n, false
	}
	n.Kind = "object"
	if kind == '[' {
		n.Kind = "array"
	}
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		key := ""
		if kind == '{' {
			name, err := dec.ReadValue()
			if err != nil {
				return n, false
			}
			key = plainString(name)
		}
		child, ok := readNode(dec, left)
		if !ok {
			return n, false
		}
		child.Key = key
		n.Children = append(n.Children, child)
	}
	_, err := dec.ReadToken()
	return n, err == nil
}

// plainString returns a JSON string without escapes that only machines need, such as \u003c for <.
func plainString(value []byte) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) != nil {
		return string(value)
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte{'\n'}))
}
