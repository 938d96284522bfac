package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"rollcall/hub/eventlog"
)

// rulesKey is the key of the YAML file with the rules for channels. Its structure does not fit into a flag; --channel has a form of
// its own.
const rulesKey = "channels"

// ruleEntry is a rule as the YAML file has it. Texts are as behind the --history flags.
type ruleEntry struct {
	Match  string `yaml:"match"`
	Keep   string `yaml:"keep"`
	Slow   string `yaml:"slow"`
	Events string `yaml:"events"`
	Bytes  string `yaml:"bytes"`
	Age    string `yaml:"age"`
}

// readRules reads the rules of the file.
func readRules(node ast.Node) ([]eventlog.Rule, error) {
	entries, err := readList[ruleEntry](node, rulesKey, "match, keep, events, bytes, age and slow")
	if err != nil {
		return nil, err
	}
	var rules []eventlog.Rule
	for i, e := range entries {
		rule, err := e.rule()
		if err != nil {
			return nil, fmt.Errorf("channels[%d]: %w", i, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// parseRule reads a rule as --channel has it: the pattern, and then settings such as keep=last.
func parseRule(text string) (eventlog.Rule, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return eventlog.Rule{}, errors.New("is empty; a rule is a pattern and settings, such as 'typing.> keep=none'")
	}
	e := ruleEntry{Match: fields[0]}
	places := map[string]*string{"keep": &e.Keep, "slow": &e.Slow, "events": &e.Events, "bytes": &e.Bytes, "age": &e.Age}
	for _, field := range fields[1:] {
		name, value, ok := strings.Cut(field, "=")
		place := places[name]
		if !ok || place == nil || value == "" {
			return eventlog.Rule{}, fmt.Errorf("has %q; settings are keep=, events=, bytes=, age= and slow=", field)
		}
		*place = value
	}
	return e.rule()
}

// rule checks an entry.
func (e *ruleEntry) rule() (r eventlog.Rule, err error) {
	if r.Match, err = eventlog.ParsePattern(e.Match); err != nil {
		return r, fmt.Errorf("match %w", err)
	}
	if e.Keep != "" {
		if r.Keep, err = eventlog.ParseKeep(e.Keep); err != nil {
			return r, err
		}
	}
	switch e.Slow {
	case "", "wait":
	case "latest":
		r.Latest = true
	default:
		return r, fmt.Errorf("slow is %q; it must be wait or latest", e.Slow)
	}
	if e.Events != "" {
		if r.Events, err = strconv.Atoi(e.Events); err != nil || r.Events < 1 || r.Events > 10_000_000 {
			return r, fmt.Errorf("events is %q; it must be 1 to 10000000", e.Events)
		}
	}
	if e.Bytes != "" {
		var size Size
		if err := size.UnmarshalText([]byte(e.Bytes)); err != nil || size < kib || size > gib {
			return r, fmt.Errorf("bytes is %q; it must be 1KiB to 1GiB", e.Bytes)
		}
		r.Bytes = int(size)
	}
	if e.Age != "" {
		var age Duration
		err := age.UnmarshalText([]byte(e.Age))
		switch {
		case err == nil && age == 0:
			r.Age = -1
		case err != nil || age < Duration(time.Second) || age > Duration(8760*time.Hour):
			return r, fmt.Errorf("age is %q; it must be 1s to 8760h, or 0 for no end", e.Age)
		default:
			r.Age = time.Duration(age)
		}
	}
	return r, nil
}

// shownRules returns the rules of the file as the settings in effect show them.
func shownRules(rules []eventlog.Rule) string {
	var shown []string
	for _, r := range rules {
		text := r.Match.String() + " keep=" + r.Keep.String()
		if r.Events > 0 {
			text += " events=" + strconv.Itoa(r.Events)
		}
		if r.Bytes > 0 {
			text += " bytes=" + Size(r.Bytes).String()
		}
		if r.Age != 0 {
			text += " age=" + max(r.Age, 0).String()
		}
		if r.Latest {
			text += " slow=latest"
		}
		shown = append(shown, text)
	}
	return strings.Join(shown, "; ")
}
