package apidocs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"rollcall/hub/eventlog"
)

// node is a value of the description. A missing value is an empty node.
type node struct {
	name   string // its key, if it is a key's value
	value  any    // yaml.MapSlice, []any or a scalar
	root   yaml.MapSlice
	direct bool // does not follow references
}

// exists reports whether the node has a value.
func (n node) exists() bool { return n.value != nil || n.name != "" }

// unresolved returns the node without following its reference.
func (n node) unresolved() node { n.direct = true; return n }

// get returns the value of a key, of the node itself or of its reference.
func (n node) get(key string) node {
	m, _ := n.value.(yaml.MapSlice)
	for _, item := range m {
		if item.Key == key {
			return node{key, item.Value, n.root, false}
		}
	}
	if ref := n.reference(); ref != "" && !n.direct {
		target := node{value: n.root, root: n.root}
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			target = target.get(part)
		}
		return target.get(key)
	}
	return node{}
}

// reference returns the $ref of a node, or "".
func (n node) reference() string {
	m, _ := n.value.(yaml.MapSlice)
	for _, item := range m {
		if item.Key == "$ref" {
			return item.Value.(string)
		}
	}
	return ""
}

// refers returns the name of the schema that a node refers to, or "".
func (n node) refers() string {
	ref := n.reference()
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

// items returns the values of a map, in the order written.
func (n node) items() []node {
	m, _ := n.value.(yaml.MapSlice)
	out := make([]node, len(m))
	for i, item := range m {
		out[i] = node{fmt.Sprint(item.Key), item.Value, n.root, false}
	}
	return out
}

// list returns the values of a list.
func (n node) list() []node {
	l, _ := n.value.([]any)
	out := make([]node, len(l))
	for i, value := range l {
		out[i] = node{"", value, n.root, false}
	}
	return out
}

// at returns a value of a map or a list by its place.
func (n node) at(i int) node {
	if all := append(n.items(), n.list()...); i < len(all) {
		return all[i]
	}
	return node{}
}

// text returns a scalar as text.
func (n node) text() string {
	if n.value == nil {
		return ""
	}
	return fmt.Sprint(n.value)
}

// jsonWidth is the longest line of an example, if possible.
const jsonWidth = 60

// jsonText writes a value as JSON: on one line, or with its parts on separate lines if that is too long. indent
// precedes all lines except the first.
func jsonText(value any, indent string) string {
	line := jsonLine(value)
	if len(line)+len(indent) <= jsonWidth {
		return line
	}
	var b strings.Builder
	inner := indent + "  "
	switch v := value.(type) {
	case yaml.MapSlice:
		for i, item := range v {
			b.WriteString([]string{"{", ","}[min(i, 1)] + "\n" + inner + jsonLine(item.Key) + ": " + jsonText(item.Value, inner))
		}
		b.WriteString("\n" + indent + "}")
	case []any:
		for i, item := range v {
			b.WriteString([]string{"[", ","}[min(i, 1)] + "\n" + inner + jsonText(item, inner))
		}
		b.WriteString("\n" + indent + "]")
	default:
		return line
	}
	return b.String()
}

// jsonLine writes a value as JSON on one line.
func jsonLine(value any) string {
	switch v := value.(type) {
	case yaml.MapSlice:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = jsonLine(item.Key) + ": " + jsonLine(item.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = jsonLine(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return string(eventlog.AppendString(nil, v))
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case nil:
		return "null"
	}
	return fmt.Sprint(value)
}
