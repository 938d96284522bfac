package hub

import (
	"strings"

	"rollcall/hub/eventlog"
)

// patterns finds the topics of the patterns that match a channel. Results are remembered until a pattern is added or
// removed. The zero value is empty. Shard-owned.
type patterns struct {
	root  *fork
	count int
	found map[string][]*topic
}

// fork is a node in the tree of patterns, by their next token.
type fork struct {
	tokens map[string]*fork // "*" matches any token
	here   *topic           // of the pattern that ends here
	rest   *topic           // of the pattern that continues with ">"
}

// maxFound limits the remembered channels.
const maxFound = 1 << 16

func (p *patterns) add(t *topic) {
	if p.root == nil {
		p.root = new(fork)
	}
	p.count++
	p.found = nil
	at := p.root
	for token := range strings.SplitSeq(t.name, ".") {
		if token == ">" {
			at.rest = t
			return
		}
		next := at.tokens[token]
		if next == nil {
			if at.tokens == nil {
				at.tokens = make(map[string]*fork, 1)
			}
			next = new(fork)
			at.tokens[token] = next
		}
		at = next
	}
	at.here = t
}

func (p *patterns) remove(name string) {
	p.count--
	p.found = nil
	if p.root.remove(name) {
		p.root = nil
	}
}

// remove removes a pattern and reports whether the node is empty.
func (f *fork) remove(rest string) bool {
	token, rest, more := strings.Cut(rest, ".")
	switch next := f.tokens[token]; {
	case token == ">":
		f.rest = nil
	case !more:
		if next.here = nil; next.empty() {
			delete(f.tokens, token)
		}
	case next.remove(rest):
		delete(f.tokens, token)
	}
	return f.empty()
}

func (f *fork) empty() bool { return len(f.tokens) == 0 && f.here == nil && f.rest == nil }

// of returns the topics of the patterns that match a channel.
func (p *patterns) of(channel string) []*topic {
	if p.count == 0 || eventlog.IsOwn(channel) {
		return nil
	}
	topics, known := p.found[channel]
	if known {
		return topics
	}
	topics = p.root.collect(nil, channel, true)
	if p.found == nil || len(p.found) >= maxFound {
		p.found = make(map[string][]*topic)
	}
	p.found[channel] = topics
	return topics
}

// collect adds the topics that match the rest of a channel's name.
func (f *fork) collect(topics []*topic, rest string, more bool) []*topic {
	if !more {
		if f.here != nil {
			topics = append(topics, f.here)
		}
		return topics
	}
	if f.rest != nil {
		topics = append(topics, f.rest)
	}
	token, rest, more := strings.Cut(rest, ".")
	if next := f.tokens[token]; next != nil && token != "*" {
		topics = next.collect(topics, rest, more)
	}
	if next := f.tokens["*"]; next != nil {
		topics = next.collect(topics, rest, more)
	}
	return topics
}
