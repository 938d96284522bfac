package hub

import "rollcall/hub/eventlog"

// index finds the streams of a shard that want a channel. Shard-owned.
type index struct {
	topics   map[string]*topic // by name, patterns too
	patterns patterns
}

// topic is one channel in an index, there only while it has streams.
type topic struct {
	name    string
	pattern bool // it stands for the channels that match
	refs    []ref
}

// ref is a stream in a topic: its subs[slot] is this topic.
type ref struct {
	c    *Conn
	slot int32
}

// sub is a topic of a stream: its refs[at] is this stream.
type sub struct {
	t  *topic
	at int32
}

func (x *index) add(c *Conn, channels []string) {
	c.subs = make([]sub, len(channels))
	for i, name := range channels {
		t := x.topics[name]
		if t == nil {
			t = &topic{name: name, pattern: eventlog.IsPattern(name)}
			x.topics[t.name] = t
			if t.pattern {
				x.patterns.add(t)
			}
		}
		c.subs[i] = sub{t, int32(len(t.refs))}
		t.refs = append(t.refs, ref{c, int32(i)})
	}
}

func (x *index) remove(c *Conn) {
	for _, s := range c.subs {
		refs := s.t.refs
		last := refs[len(refs)-1]
		refs[s.at] = last
		last.c.subs[last.slot].at = s.at
		refs[len(refs)-1] = ref{}
		s.t.refs = refs[:len(refs)-1]
		if len(s.t.refs) == 0 {
			delete(x.topics, s.t.name)
			if s.t.pattern {
				x.patterns.remove(s.t.name)
			}
		} else if cap(refs) > 64 && len(s.t.refs) < cap(refs)/4 {
			s.t.refs = append(make([]ref, 0, cap(refs)/2), s.t.refs...)
		}
	}
	c.subs = nil
}
