package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rules are promises of a round's servers beyond the common ones.
type Rules struct {
	KeepsAll bool // no event is dropped for lack of room: no gap is true but that of a new epoch
	Durable  bool // the log never begins anew
	SetBack  bool // the store may become an older copy of itself, which lacks acknowledged events of the new log's past
}

// Violation is a promise that was broken.
type Violation struct {
	Rule string // one of the Rule constants
	Text string // the event and its place
}

func (v Violation) String() string { return v.Rule + ": " + v.Text }

// The rules.
const (
	RuleTwoEvents = "one id, two events"
	RuleTwice     = "an event is in the log twice"
	RuleDenied    = "an event that was refused is there"
	RuleUnsent    = "an event is there that nobody sent"
	RuleBatch     = "a batch is not whole and contiguous"
	RuleHalf      = "a batch is half visible"
	RuleTime      = "the log's order is not that of time"
	RuleEpoch     = "the log began anew"
	RuleLost      = "an event is missing"
	RuleRepeated  = "an event came again"
	RuleOrder     = "a stream is out of order"
	RuleFalseGap  = "a gap is false"
	RuleUntoldGap = "a gap is not told"
	RuleSetBack   = "a client is set back"
	RuleLastEvent = "a last event is not the last"
	RuleRefused   = "a stream is refused"
	RuleForeign   = "an event is of another channel"
	RuleText      = "a text is not its pieces"
	RuleEnd       = "an event comes behind a channel's end"
	RuleGauge     = "a server still holds something"
	RulePresence  = "presence is wrong"
	RuleStuck     = "something did not recover"
)

// checker collects violations.
type checker struct {
	*facts
	h     *History
	rules Rules
	found []Violation
}

func (c *checker) add(rule, format string, args ...any) {
	c.found = append(c.found, Violation{rule, fmt.Sprintf(format, args...)})
}

// Check returns all violations in a history.
func Check(h *History, rules Rules) []Violation {
	c := &checker{h: h, rules: rules}
	c.facts = collect(c)
	c.checkBatches()
	c.checkTime()
	c.checkStreams()
	c.checkPages()
	c.checkLasts()
	c.checkPresence()
	c.checkTexts()
	c.checkGauges()
	for _, what := range h.Stuck {
		c.add(RuleStuck, "%s", what)
	}
	return c.found
}

// Summary returns violations as text, at most a few of each rule.
func Summary(found []Violation) string {
	const most = 5
	var out strings.Builder
	seen := make(map[string]int)
	for _, v := range found {
		if seen[v.Rule]++; seen[v.Rule] <= most {
			fmt.Fprintln(&out, v)
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(seen)) {
		if seen[rule] > most {
			fmt.Fprintf(&out, "%s: %d more\n", rule, seen[rule]-most)
		}
	}
	return out.String()
}
