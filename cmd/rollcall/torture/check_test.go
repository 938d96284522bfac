package torture

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// sound is a history without violations: four events in three batches, a subscriber that resumes at another server, pages,
// last events and presence.
func sound() *History {
	event := func(id, channel, payload string) Frame {
		return Frame{Subscriber: "s", Server: "n1", ID: id, Kind: eventType, Channel: channel, Payload: payload}
	}
	return &History{
		Channels: map[string][]string{"s": {"a", "b"}},
		Clients:  []string{"s"},
		Attempts: []Attempt{
			{Publisher: "p", Events: []Event{{"a", "1"}}, Began: 10, Ended: 20, Outcome: Acked, IDs: []string{"e-1"}},
			{Publisher: "p", Events: []Event{{"a", "2"}, {"b", "3"}, {"a", "4"}}, Began: 30, Ended: 40, Outcome: Unknown},
			{Publisher: "p", Events: []Event{{"a", "2"}, {"b", "3"}, {"a", "4"}}, Began: 50, Ended: 60, Outcome: Acked, IDs: []string{"e-2", "e-3", "e-4"}},
			{Publisher: "p", Events: []Event{{"b", "never"}}, Began: 70, Ended: 80, Outcome: Refused, Code: "store_unavailable"},
			{Publisher: "p", Events: []Event{{"b", "5"}}, Began: 90, Ended: 100, Outcome: Acked, IDs: []string{"e-5"}},
		},
		Frames: []Frame{
			{Subscriber: "s", Server: "n1", ID: "e-0", Kind: "registered"},
			{Subscriber: "s", Server: "n1", ID: "e-0", Kind: "lastEvent", Channel: "a"},
			{Subscriber: "s", Server: "n1", ID: "e-0", Kind: "lastEvent", Channel: "b"},
			event("e-1", "a", "1"),
			event("e-2", "a", "2"),
			{Subscriber: "s", Server: "n2", ID: "e-2", Kind: "registered", Asked: "e-2", Resumed: true},
			event("e-3", "b", "3"),
			event("e-4", "a", "4"),
			event("e-5", "b", "5"),
		},
		Pages: []Page{
			{Server: "n1", Channel: "a", After: "e-1", Events: []Read{{"e-2", "a", "2"}, {"e-4", "a", "4"}}, Next: "e-5"},
			{Server: "n1", Channel: "b", Events: []Read{{"e-3", "b", "3"}, {"e-5", "b", "5"}}, Next: "e-5"},
		},
		Lasts: []Last{{Server: "n1", Channel: "a", ID: "e-4", Payload: "4"}, {Server: "n1", Channel: "b", ID: "e-5", Payload: "5"}},
		Notices: []Notice{
			{Watcher: "w", Kind: "snapshot"},
			{Watcher: "w", Kind: "join", Clients: []string{"s"}, Online: 1},
			{Watcher: "w", Kind: "join", Clients: []string{"t"}, Online: 2},
			{Watcher: "w", Kind: "leave", Clients: []string{"t"}, Online: 1},
		},
		Rosters: []Roster{{Server: "n1", Clients: []string{"s"}}},
		Texts:   []*Text{{Channel: "t0.0", Pieces: []string{"one ", "two "}, Got: "one two ", Over: true}},
		Gauges:  []Gauge{{"n1", "rollcall_streams", 0}},
	}
}

// resumedAs replaces the second stream's registered, and the frames before its first event.
func resumedAs(h *History, told ...Frame) { h.Frames = slices.Replace(h.Frames, 5, 6, told...) }

// scarcely drops what came before e-4 from the second stream, as if it had been dropped for lack of room.
func scarcely(h *History, reason string) {
	h.Frames = slices.Delete(h.Frames, 6, 8) // e-3 and e-4
	h.Frames = slices.Insert(h.Frames, 6,
		Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "a", Reason: reason, After: "e-2"},
		Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "b", Reason: reason, After: "e-2"})
	h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"a", "6"}}, Began: 110, Ended: 120, Outcome: Acked, IDs: []string{"e-6"}})
	h.Frames = append(h.Frames, Frame{Subscriber: "s", ID: "e-6", Kind: eventType, Channel: "a", Payload: "6"})
}

// anew has the second stream be of a new log, which has one event.
func anew(h *History) {
	h.Frames = h.Frames[:5]
	h.Pages, h.Lasts = nil, nil
	h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"a", "6"}}, Began: 110, Ended: 120, Outcome: Acked, IDs: []string{"f-1"}})
	h.Frames = append(h.Frames,
		Frame{Subscriber: "s", ID: "e-2", Kind: "registered", Asked: "e-2"},
		Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "a", Reason: "epoch"},
		Frame{Subscriber: "s", ID: "e-2", Kind: "lastEvent", Channel: "a"},
		Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "b", Reason: "epoch"},
		Frame{Subscriber: "s", ID: "f-0", Kind: "lastEvent", Channel: "b"},
		Frame{Subscriber: "s", ID: "f-1", Kind: eventType, Channel: "a", Payload: "6"})
}

var strict = Rules{KeepsAll: true, Durable: true}

func TestSoundHistoriesHaveNoViolations(t *testing.T) {
	for name, test := range map[string]struct {
		rules Rules
		edit  func(h *History)
	}{
		"as it is":              {strict, func(*History) {}},
		"dropped and announced": {Rules{}, func(h *History) { scarcely(h, "evicted") }},
		"a new log, announced":  {Rules{KeepsAll: true}, anew},
		"a new log, broken off before its gaps": {Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames = slices.Insert(h.Frames, 7, h.Frames[5:7]...)
		}},
		"an event of unknown outcome that is nowhere": {strict, func(h *History) {
			h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"a", "x"}}, Outcome: Unknown})
		}},
		"a batch published again": {strict, func(h *History) {
			again := h.Attempts[2]
			again.Began, again.Ended = 200, 210
			h.Attempts = append(h.Attempts, again)
		}},
		"sent away with the position asked for": {strict, func(h *History) {
			h.Frames = slices.Insert(h.Frames, 5, Frame{Subscriber: "s", ID: "e-2", Kind: "goodbye", Reason: "overloaded"})
		}},
		"a page of what is left": {Rules{}, func(h *History) {
			h.Pages = []Page{{Server: "n1", Channel: "a", After: "e-1", Gap: true, Events: []Read{{"e-4", "a", "4"}}, Next: "e-5"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := sound()
			test.edit(h)
			if found := Check(h, test.rules); len(found) > 0 {
				t.Errorf("found\n%s", Summary(found))
			}
		})
	}
}

func TestViolationsAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		rule  string
		rules Rules
		edit  func(h *History)
	}{
		"acknowledged and never delivered": {RuleLost, strict, func(h *History) { h.Frames = h.Frames[:8] }},
		"acknowledged and jumped over":     {RuleLost, strict, func(h *History) { h.Frames = slices.Delete(h.Frames, 7, 8) }},
		"dropped without a gap":            {RuleLost, Rules{}, func(h *History) { h.Frames = slices.Delete(h.Frames, 6, 7) }},
		"delivered to others alone": {RuleLost, strict, func(h *History) {
			h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"b", "x"}}, Began: 130, Ended: 140, Outcome: Unknown})
			h.Channels["other"] = []string{"b"}
			h.Frames = append(h.Frames,
				Frame{Subscriber: "other", ID: "e-5", Kind: "registered"},
				Frame{Subscriber: "other", ID: "e-6", Kind: eventType, Channel: "b", Payload: "x"})
		}},
		"a gap of another channel": {RuleLost, Rules{}, func(h *History) {
			scarcely(h, "evicted")
			h.Frames = slices.Delete(h.Frames, 6, 7)
		}},
		"missing from a page":               {RuleLost, strict, func(h *History) { h.Pages[0].Events = h.Pages[0].Events[1:] }},
		"missing from the middle of a page": {RuleLost, Rules{}, func(h *History) { h.Pages[1].Events, h.Pages[1].Gap = nil, false; h.Pages[1].After = "e-2" }},
		"repeated over a resume":            {RuleRepeated, strict, func(h *History) { h.Frames = slices.Insert(h.Frames, 6, h.Frames[4]) }},
		"an older event later": {RuleOrder, strict, func(h *History) {
			h.Frames[6], h.Frames[7] = h.Frames[7], h.Frames[6]
		}},
		"a page out of order":                 {RuleOrder, strict, func(h *History) { slices.Reverse(h.Pages[0].Events) }},
		"a page beyond its end":               {RuleOrder, strict, func(h *History) { h.Pages[1].Next = "e-4" }},
		"another order at another subscriber": {RuleTwoEvents, strict, func(h *History) { h.Frames[3].ID, h.Frames[4].ID = "e-2", "e-1" }},
		"an id given again": {RuleTwoEvents, strict, func(h *History) {
			h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"a", "6"}}, Outcome: Acked, IDs: []string{"e-5"}})
		}},
		"an answer without an id": {RuleTwoEvents, strict, func(h *History) { h.Attempts[4].IDs[0] = "5" }},
		"a key that did not hold": {RuleTwice, strict, func(h *History) {
			again := h.Attempts[4]
			again.IDs = []string{"e-6"}
			h.Attempts = append(h.Attempts, again)
		}},
		"refused, and delivered": {RuleDenied, strict, func(h *History) {
			h.Frames = append(h.Frames, Frame{Subscriber: "s", ID: "e-6", Kind: eventType, Channel: "b", Payload: "never"})
		}},
		"refused, and a last event": {RuleDenied, strict, func(h *History) { h.Lasts[1].Payload = "never" }},
		"sent by nobody": {RuleUnsent, strict, func(h *History) {
			h.Pages[1].Events = append(h.Pages[1].Events, Read{"e-6", "b", "x"})
			h.Pages[1].Next = "e-6"
		}},
		"something between a batch's events": {RuleBatch, strict, func(h *History) { h.Attempts[2].IDs[2] = "e-6" }},
		"a batch of two logs":                {RuleBatch, strict, func(h *History) { h.Attempts[2].IDs[0] = "f-2" }},
		"a batch in part": {RuleBatch, strict, func(h *History) {
			h.Attempts = append(h.Attempts, Attempt{Events: []Event{{"b", "6"}, {"b", "7"}}, Outcome: Unknown})
			h.Frames = append(h.Frames, Frame{Subscriber: "s", ID: "e-6", Kind: eventType, Channel: "b", Payload: "6"})
		}},
		"a batch whose end is not to be seen": {RuleHalf, strict, func(h *History) { h.Lasts[0] = Last{Channel: "a", ID: "e-2", Payload: "2"} }},
		"against time": {RuleTime, strict, func(h *History) {
			h.Attempts = append(h.Attempts,
				Attempt{Events: []Event{{"c", "x"}}, Began: 200, Ended: 210, Outcome: Acked, IDs: []string{"e-7"}},
				Attempt{Events: []Event{{"c", "y"}}, Began: 220, Ended: 230, Outcome: Acked, IDs: []string{"e-6"}})
		}},
		"a new log of an engine that keeps": {RuleEpoch, strict, anew},
		"a new log without a gap": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames = slices.Delete(h.Frames, 6, 7)
		}},
		"a new log that is said to go on": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames[5].Resumed = true
			h.Frames = slices.Delete(h.Frames, 6, 7)
		}},
		"a new log whose position comes before its last gap": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames[7].ID = "f-0"
		}},
		"a new log, broken off and gone on behind the gaps": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames = slices.Replace(h.Frames, 7, 10, Frame{Subscriber: "s", ID: "f-0", Kind: "registered", Asked: "f-0", Resumed: true})
		}},
		"a page of a new log without a gap": {RuleUntoldGap, strict, func(h *History) { h.Pages[0].After = "f-1" }},
		"set back to before what it had": {RuleSetBack, strict, func(h *History) {
			resumedAs(h, Frame{Subscriber: "s", ID: "e-1", Kind: "registered", Asked: "e-2"})
		}},
		"resumed at an older position": {RuleSetBack, strict, func(h *History) {
			resumedAs(h, Frame{Subscriber: "s", ID: "e-1", Kind: "registered", Asked: "e-2", Resumed: true})
		}},
		"a page that goes back": {RuleSetBack, strict, func(h *History) { h.Pages[0] = Page{Channel: "a", After: "e-4", Next: "e-3"} }},
		"a gap of a position that is known": {RuleFalseGap, strict, func(h *History) {
			resumedAs(h,
				Frame{Subscriber: "s", ID: "e-2", Kind: "registered", Asked: "e-2"},
				Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "a", Reason: "unknown"})
		}},
		"a gap where all is kept": {RuleFalseGap, strict, func(h *History) { scarcely(h, "evicted") }},
		"a gap where nothing is missing": {RuleFalseGap, Rules{}, func(h *History) {
			h.Attempts = slices.Delete(h.Attempts, 1, 2)
			h.Frames = slices.Insert(h.Frames, 6, Frame{Subscriber: "s", ID: "e-2", Kind: "gap", Channel: "a", Reason: "evicted"})
		}},
		"a gap of the same epoch":          {RuleFalseGap, Rules{}, func(h *History) { scarcely(h, "epoch") }},
		"a page with a false gap":          {RuleFalseGap, strict, func(h *History) { h.Pages[0].Gap = true }},
		"a last event that is not":         {RuleLastEvent, strict, func(h *History) { h.Lasts[1].Payload = "3" }},
		"a last event of later":            {RuleLastEvent, strict, func(h *History) { h.Lasts[1].ID = "e-4" }},
		"no last event where there is one": {RuleLastEvent, strict, func(h *History) { h.Lasts[1].Payload = "" }},
		"an old last event on a stream": {RuleLastEvent, strict, func(h *History) {
			h.Channels["other"] = []string{"b"}
			h.Frames = append(h.Frames,
				Frame{Subscriber: "other", ID: "e-5", Kind: "registered"},
				Frame{Subscriber: "other", ID: "e-5", Kind: "lastEvent", Channel: "b", Payload: "3"})
		}},
		"a stream turned away for good": {RuleRefused, strict, func(h *History) {
			h.Frames = append(h.Frames, Frame{Subscriber: "s", Kind: "status", Status: 204})
		}},
		"an event of another channel":       {RuleForeign, strict, func(h *History) { h.Channels["s"] = []string{"a"} }},
		"a page of another channel":         {RuleForeign, strict, func(h *History) { h.Pages[0].Events[0].Channel = "b" }},
		"joined twice":                      {RulePresence, strict, func(h *History) { h.Notices[3].Kind = "join" }},
		"left without having come":          {RulePresence, strict, func(h *History) { h.Notices[2].Kind = "leave" }},
		"a wrong online":                    {RulePresence, strict, func(h *History) { h.Notices[2].Online = 1 }},
		"a ghost":                           {RulePresence, strict, func(h *History) { h.Notices = h.Notices[:3] }},
		"a change before a snapshot":        {RulePresence, strict, func(h *History) { h.Notices = h.Notices[1:] }},
		"a server that shows others":        {RulePresence, strict, func(h *History) { h.Rosters[0].Clients = nil }},
		"a text without a piece":            {RuleText, strict, func(h *History) { h.Texts[0].Got = "one " }},
		"a piece that came twice":           {RuleText, strict, func(h *History) { h.Texts[0].Got = "one two two " }},
		"pieces out of order, behind a gap": {RuleText, Rules{}, func(h *History) { h.Texts[0].Gaps, h.Texts[0].Got = []string{"epoch"}, "two one " }},
		"a text with a false gap":           {RuleFalseGap, strict, func(h *History) { h.Texts[0].Gaps = []string{"evicted"} }},
		"an event behind the end":           {RuleEnd, strict, func(h *History) { h.Texts[0].Behind = 1 }},
		"a stream that nobody has":          {RuleGauge, strict, func(h *History) { h.Gauges[0].Value = 1 }},
		"an event that no pattern matches":  {RuleForeign, strict, func(h *History) { h.Channels["s"] = []string{"a.>", "b"} }},
		"a missing event of a pattern":      {RuleLost, strict, func(h *History) { h.Channels["s"] = []string{"*"}; h.Frames = slices.Delete(h.Frames, 6, 7) }},
		"a new log whose position comes with the first of two gaps": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Frames[6].ID = "f-0"
		}},
		"a new log without a gap of a pattern": {RuleUntoldGap, Rules{KeepsAll: true}, func(h *History) {
			anew(h)
			h.Channels["s"] = []string{"a", "*"}
		}},
		"never had a stream": {RuleStuck, strict, func(h *History) { h.Frames = nil }},
		"did not recover":    {RuleStuck, strict, func(h *History) { h.stuck("waited in vain") }},
	} {
		t.Run(name, func(t *testing.T) {
			h := sound()
			test.edit(h)
			found := Check(h, test.rules)
			if !slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == test.rule }) {
				t.Errorf("found\n%swant %q", Summary(found), test.rule)
			}
		})
	}
}

// A store that is set back may lack pieces from the midst of a text; any other has a text's end in one.
func TestTextsOfAnOlderStore(t *testing.T) {
	older := Rules{KeepsAll: true, SetBack: true}
	for _, test := range []struct {
		got   string
		rules Rules
		sound bool
	}{
		{"one two three ", strict, true},
		{"two three ", Rules{}, true}, {"one three ", Rules{}, false}, {"two three ", strict, false},
		{"one three ", older, true}, {"one two three ", older, true}, {"three ", older, true},
		{"three one ", older, false}, {"one one three ", older, false}, {"one four ", older, false},
	} {
		h := sound()
		h.Texts = []*Text{{Channel: "t", Pieces: []string{"one ", "two ", "three "}, Got: test.got, Over: true}}
		found := Check(h, test.rules)
		if broken := slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == RuleText }); broken == test.sound {
			t.Errorf("%q with %+v: found\n%s", test.got, test.rules, Summary(found))
		}
	}
}

func TestSummariesAreShort(t *testing.T) {
	var found []Violation
	for range 100 {
		found = append(found, Violation{RuleLost, "one"})
	}
	text := Summary(append(found, Violation{RuleOrder, "two"}))
	if strings.Count(text, "\n") != 7 || !strings.Contains(text, RuleLost+": 95 more") || !strings.Contains(text, RuleOrder+": two") {
		t.Errorf("got\n%s", text)
	}
}

func TestPlansFollowFromTheSeed(t *testing.T) {
	faults := []Fault{{Name: "kill", On: "a"}, {Name: "stop", On: "a"}, {Name: "kill", On: "b"}}
	text := func(seed uint64) (out string) {
		for _, step := range Plan(seed, faults, 30) {
			if len(step.Faults) == 2 && step.Faults[0].On == step.Faults[1].On {
				t.Errorf("two faults of one: %v", step)
			}
			out += step.String() + " " + time.Duration(step.rand.Int64()).String() + "\n"
		}
		return out
	}
	first := text(1)
	if again := text(1); first != again {
		t.Error("one seed gives two plans")
	}
	if first == text(2) {
		t.Error("two seeds give one plan")
	}
}
