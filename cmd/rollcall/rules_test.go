package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/hub/eventlog"
)

// Rules come from flags and from the file, in this order, and are shown as they are.
func TestRuleSettings(t *testing.T) {
	t.Parallel()
	file := "channels:\n- match: 'typing.>'\n  keep: none\n- {match: prices, keep: last, slow: latest}\n- match: 'logs.*'\n  events: 50\n  bytes: 2MiB\n  age: 10m\n- match: forever\n  age: 0\n"
	c, s, err := parse(t, file, map[string]string{"ROLLCALL_CHANNEL": "typing.loud events=3"})
	if err != nil || len(c.rules) != 5 {
		t.Fatalf("got %+v, %v", c.rules, err)
	}
	if got := c.rules[0]; got.Match.String() != "typing.loud" || got.Events != 3 {
		t.Errorf("the flag's rule is %+v", got)
	}
	if got := c.rules[3]; got.Match.String() != "logs.*" || got.Events != 50 || got.Bytes != 2<<20 || got.Age != 10*time.Minute || got.Keep != eventlog.KeepAll {
		t.Errorf("the rule of logs is %+v", got)
	}
	if c.rules[1].Keep != eventlog.KeepNone || c.rules[2].Keep != eventlog.KeepLast || !c.rules[2].Latest || c.rules[4].Age >= 0 {
		t.Errorf("the rules are %+v", c.rules)
	}
	if shown := fmt.Sprint(s.effective(nil)); !strings.Contains(shown, "typing.> keep=none; prices keep=last slow=latest; logs.* keep=all events=50 bytes=2MiB age=10m0s; forever keep=all age=0s") {
		t.Errorf("shown as %s", shown)
	}
	for file, want := range map[string]string{
		"channels: x\n":                        "channels takes a list",
		"channels:\n- {match: a.>.b}\n":        `channels[0]: match has ">" before the end`,
		"channels:\n- {keep: none}\n":          "channels[0]: match is empty",
		"channels:\n- {match: a, keep: x}\n":   `keep is "x"; it must be all, last or none`,
		"channels:\n- {match: a, slow: x}\n":   `slow is "x"; it must be wait or latest`,
		"channels:\n- {match: a, events: 0}\n": `events is "0"`,
		"channels:\n- {match: a, bytes: 1}\n":  `bytes is "1"`,
		"channels:\n- {match: a, age: 1ms}\n":  `age is "1ms"`,
		"channels:\n- {match: a, ages: 1m}\n":  "channels takes a list",
		"channel: 'a keep'\n":                  `has "keep"; settings are keep=`,
		"channels.:\n- {match: a}\n":           `did you mean "channels"?`,
	} {
		if _, _, err := parse(t, file, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", file, err, want)
		}
	}
}
