package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"rollcall/hub/eventlog"
	"rollcall/web/hooks"
)

// configFile is a YAML file whose keys are flag names.
type configFile struct {
	path   string
	values map[string]fileValue

	webhooks     []hooks.Endpoint
	webhooksLine int
	rules        []eventlog.Rule
	rulesLine    int
}

// fileValue is a value as it would stand behind the flag, and its line in the file.
type fileValue struct {
	text string
	line int
}

// readConfigFile reads the settings for the given flags. All unknown keys and invalid values are reported together;
// each line names the file, the line and the key.
func readConfigFile(path string, flags []*kong.Flag) (*configFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("--config: %s is not valid YAML: %s", path, yaml.FormatError(err, false, false)) // without the lines, which may hold secrets
	}
	file := &configFile{path: path, values: map[string]fileValue{}}
	entries, err := topLevel(doc)
	if err != nil {
		return nil, fmt.Errorf("--config: %s %w", path, err)
	}
	byKey := map[string]*kong.Flag{}
	for _, flag := range flags {
		if settable(flag) && flag.Name != "config" {
			byKey[flag.Name] = flag
		}
	}
	byKey[webhooksKey], byKey[rulesKey] = nil, nil // names to suggest
	var errs []error
	for _, entry := range entries {
		key, line := entry.Key.GetToken().Value, entry.Key.GetToken().Position.Line
		if key == webhooksKey {
			if file.webhooks, err = readWebhooks(entry.Value); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", path, line, err))
			}
			file.webhooksLine = line
			continue
		}
		if key == rulesKey {
			if file.rules, err = readRules(entry.Value); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %w", path, line, err))
			}
			file.rulesLine = line
			continue
		}
		flag := byKey[key]
		if flag == nil {
			errs = append(errs, fmt.Errorf("%s:%d: unknown key %q; %s", path, line, key, suggest(key, byKey)))
			continue
		}
		separator := "\n" // for a flag that is never split
		if flag.Tag.Sep != -1 {
			separator = string(flag.Tag.Sep)
		}
		value, set, err := flagText(entry.Value, flag.IsSlice(), separator)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %s %w", path, line, key, err))
		} else if set {
			file.values[key] = fileValue{text: value, line: line}
		}
	}
	return file, errors.Join(errs...)
}

// topLevel returns the entries of the file's mapping. An empty file has none.
func topLevel(doc *ast.File) ([]*ast.MappingValueNode, error) {
	if len(doc.Docs) > 1 {
		return nil, errors.New("holds more than one YAML document")
	}
	if len(doc.Docs) == 0 {
		return nil, nil
	}
	switch body := doc.Docs[0].Body.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	case *ast.MappingNode:
		return body.Values, nil
	default:
		return nil, errors.New(`must hold settings, one "name: value" per line`)
	}
}

// readList reads the entries of a list whose structure does not fit into a flag; fields names those of an entry. No
// error holds a value: it may be secret.
func readList[T any](node ast.Node, key, fields string) (entries []T, err error) {
	if _, none := node.(*ast.NullNode); none {
		return nil, nil
	}
	if err := yaml.NodeToValue(node, &entries, yaml.DisallowUnknownField()); err != nil {
		text := firstLine(errors.New(yaml.FormatError(err, false, false)))
		return nil, fmt.Errorf("%s takes a list of %s: %s", key, fields, text)
	}
	return entries, nil
}

// flagText is a YAML value as the text of a flag; separator joins the values of a list. A key without a value (null) is not set.
func flagText(node ast.Node, list bool, separator string) (text string, set bool, err error) {
	switch node := node.(type) {
	case *ast.NullNode:
		return "", false, nil
	case *ast.LiteralNode:
		return node.Value.Value, true, nil
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true, nil
	case *ast.SequenceNode:
		if !list {
			return "", false, errors.New("takes one value, not a list")
		}
		items := make([]string, 0, len(node.Values))
		for _, item := range node.Values {
			text, set, err := flagText(item, false, "")
			if err != nil || !set {
				return "", false, errors.New("takes a list of plain values")
			}
			items = append(items, text)
		}
		return strings.Join(items, separator), true, nil
	case *ast.MappingNode:
		return "", false, errors.New("takes a plain value, not nested keys")
	default:
		return "", false, fmt.Errorf("takes a plain value, not a YAML %s", strings.ToLower(node.Type().String()))
	}
}

// suggest returns the known key nearest to a mistyped one, or all of them if none is near.
func suggest(key string, known map[string]*kong.Flag) string {
	best, distance := "", max(2, len(key)/3)+1
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if d := editDistance(key, name); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known are " + strings.Join(names, ", ")
}

// editDistance counts the single-byte changes that turn a into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
