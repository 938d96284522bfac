package admin

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"rollcall/hub/eventlog"
	"rollcall/web/node"
	"rollcall/web/reply"
)

// mostTerms is how many words and terms a filter may have.
const mostTerms = 20

// filter is what a list of clients is searched for: words, and terms such as behind:>100. A client must match them all.
type filter struct {
	text  string
	terms []term
}

// term is a word, or a condition key:value.
type term struct {
	from, to int    // place in the filter's text
	key      string // "" for a word; "info" for info.name
	member   string // of an info
	value    string // without quotes
	wrong    string // what is wrong with the term, which then has no effect; "" for nothing

	op     string         // of a number or a duration: "<", "<=", "=", ">=", ">"
	number float64        // of a number, or the seconds of a duration
	prefix netip.Prefix   // of an address or a network
	match  channelMatcher // of a channel
}

// channelMatcher compares channels with a name or a pattern.
type channelMatcher func(name string) bool

// filterKey is a kind of term.
type filterKey struct {
	name string
	help string // which values it takes, after "takes"
	read func(t *term) bool
}

var filterKeys = []filterKey{
	{"is", "slow, behind, leaving or anonymous", func(t *term) bool {
		t.value = strings.ToLower(t.value)
		return slices.Contains([]string{"slow", "behind", "leaving", "anonymous"}, t.value)
	}},
	{"behind", "a number of events, such as >100", (*term).readNumber},
	{"events", "a number of sent events, such as >1000 or 0", (*term).readNumber},
	{"bytes", "a size, such as >1MiB", (*term).readSize},
	{"connections", "a number, such as >1", (*term).readNumber},
	{"since", "the time online, such as <5m, >2h or >7d", (*term).readAge},
	{"proto", "http/1.0, http/1.1 or http/2", func(t *term) bool {
		t.value = strings.ToLower(t.value)
		return strings.HasPrefix(t.value, "http/") && t.value != "http/"
	}},
	{"channel", "a channel or a pattern, such as room.*", (*term).readChannel},
	{"agent", "a part of the program's name, such as firefox", isGiven},
	{"server", "the name of a server", isGiven},
	{"addr", "an address or a network, such as 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32", (*term).readAddress},
	{"info", "a member's value, such as info.team:blue", func(t *term) bool { return t.member != "" }},
}

func isGiven(t *term) bool { return t.value != "" }

// parseFilter reads a filter. Any text is one: a term that is wrong says so, and an unknown key makes a word.
func parseFilter(text string) *filter {
	f := &filter{text: text}
	for at := 0; ; {
		t, next, ok := nextTerm(text, at)
		if !ok || len(f.terms) == mostTerms {
			return f
		}
		t.read(text)
		f.terms = append(f.terms, t)
		at = next
	}
}

// nextTerm reads the text between two spaces. Within double quotes, which \ escapes, a space or a colon is a part of it.
func nextTerm(text string, at int) (t term, next int, ok bool) {
	for at < len(text) && text[at] == ' ' {
		at++
	}
	t.from = at
	var read strings.Builder
	colon, quoted := -1, false
	for ; at < len(text) && (quoted || text[at] != ' '); at++ {
		switch c := text[at]; {
		case c == '"':
			quoted = !quoted
			continue
		case c == '\\' && quoted && at+1 < len(text) && strings.IndexByte(`"\`, text[at+1]) >= 0:
			at++
		case c == ':' && !quoted && colon < 0:
			colon = read.Len()
		}
		read.WriteByte(text[at])
	}
	t.to, t.value = at, read.String()
	if colon > 0 {
		t.key, t.value = t.value[:colon], t.value[colon+1:]
	}
	return t, at, at > t.from
}

// read makes sense of a term's key and value.
func (t *term) read(text string) {
	if t.key == "" {
		return
	}
	name := strings.ToLower(t.key)
	if begin, member, ok := strings.Cut(t.key, "."); ok && strings.EqualFold(begin, "info") {
		name, t.member = "info", member
	}
	i := slices.IndexFunc(filterKeys, func(k filterKey) bool { return k.name == name })
	if i < 0 {
		if likeKey.MatchString(t.key) {
			t.wrong = "There is no filter “" + reply.Short(t.key, 30) + ":”, so this is searched for as text. The filters are " + filterNames() + "."
		}
		t.key, t.value = "", t.key+":"+t.value
		return
	}
	t.key = name
	if k := &filterKeys[i]; !k.read(t) {
		t.wrong = "“" + reply.Short(t.shown(text), 60) + "” is not used: " + name + ": takes " + k.help + "."
	}
}

// likeKey matches what may be meant as the key of a term; other words with a colon, such as IPv6 addresses, are words.
var likeKey = regexp.MustCompile(`^[a-z]{2,12}$`)

// filterNames lists the keys.
func filterNames() string {
	var names []string
	for _, k := range filterKeys {
		names = append(names, k.name+":")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and info.name:"
}

// shown returns the term as it was typed.
func (t *term) shown(text string) string { return text[t.from:t.to] }

// isWord reports whether the term is searched for as text.
func (t *term) isWord() bool { return t.key == "" }

// isUsed reports whether the term has an effect.
func (t *term) isUsed() bool { return t.wrong == "" || t.isWord() }

// readOp cuts an operator off the value. Without one, it is usual.
func (t *term) readOp(usual string) (rest string) {
	t.op, rest = usual, t.value
	for _, op := range []string{"<=", ">=", "<", ">", "="} {
		if cut, ok := strings.CutPrefix(t.value, op); ok {
			t.op, rest = op, cut
			break
		}
	}
	return strings.TrimSpace(rest)
}

func (t *term) readNumber() bool {
	n, err := strconv.ParseUint(t.readOp("="), 10, 62)
	t.number = float64(n)
	return err == nil
}

func (t *term) readSize() bool {
	n, err := humanize.ParseBytes(t.readOp("="))
	t.number = float64(n)
	return err == nil
}

// readAge reads a duration; days are a unit.
func (t *term) readAge() bool {
	text := t.readOp("<")
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		t.number = float64(n) * 24 * 3600
		return err == nil
	}
	d, err := time.ParseDuration(text)
	t.number = d.Seconds()
	return err == nil && d >= 0
}

func (t *term) readChannel() bool {
	if eventlog.IsPattern(t.value) {
		p, err := eventlog.ParsePattern(t.value)
		t.match = func(name string) bool { return name == t.value || p.Matches(name) }
		return err == nil
	}
	t.match = func(name string) bool { return name == t.value }
	return eventlog.CheckChannel(t.value) == nil
}

// readAddress reads an address, a network, or the beginning of an address, which has no prefix.
func (t *term) readAddress() bool {
	address, _, _ := strings.Cut(t.value, "%") // a network has no zone
	network, ok := node.ParseNetwork(address)
	if ok {
		t.prefix = network
	}
	return ok || addressPart.MatchString(t.value)
}

var addressPart = regexp.MustCompile(`^[0-9a-fA-F.:]+$`)

// compare reports whether a number satisfies the term.
func (t *term) compare(x float64) bool {
	switch t.op {
	case "<":
		return x < t.number
	case "<=":
		return x <= t.number
	case ">":
		return x > t.number
	case ">=":
		return x >= t.number
	}
	return x == t.number
}

// without returns the filter's text without a term.
func (f *filter) without(t *term) string {
	return strings.Trim(strings.Trim(f.text[:t.from], " ")+" "+strings.Trim(f.text[t.to:], " "), " ")
}

// problems says what is wrong with the terms.
func (f *filter) problems() (list []string) {
	for i := range f.terms {
		if f.terms[i].wrong != "" {
			list = append(list, f.terms[i].wrong)
		}
	}
	if len(f.terms) == mostTerms && strings.TrimSpace(f.text[f.terms[mostTerms-1].to:]) != "" {
		list = append(list, "A filter may have 20 words and terms. The rest is not used.")
	}
	return list
}

// words returns the words, in lower case, and whether there is nothing else.
func (f *filter) words() (list []string, only bool) {
	only = true
	for i := range f.terms {
		if f.terms[i].isWord() {
			list = append(list, strings.ToLower(f.terms[i].value))
		} else {
			only = false
		}
	}
	return list, only
}

// termText writes a term, so that parseFilter reads it as this key and value.
func termText(key, value string) string { return quotedPart(key) + ":" + quotedPart(value) }

func quotedPart(s string) string {
	if !strings.ContainsAny(s, ` ":\`) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
