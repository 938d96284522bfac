package torture

import (
	"slices"
	"strings"
)

// matches reports whether a name, or a pattern as the protocol has them, stands for a channel.
func matches(pattern, channel string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(channel, ".")
	for i, token := range want {
		switch {
		case i >= len(have):
			return false
		case token == ">" && i == len(want)-1:
			return true
		case token != "*" && token != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}

func matchesAny(patterns []string, channel string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, channel) })
}

// standFor returns the channels that names and patterns stand for, among those that were published to.
func (c *checker) standFor(asked []string) (channels []string) {
	for e := range c.sent {
		if matchesAny(asked, e.Channel) && !slices.Contains(channels, e.Channel) {
			channels = append(channels, e.Channel)
		}
	}
	for _, name := range asked { // names without events count, too
		if !strings.ContainsAny(name, "*>") && !slices.Contains(channels, name) {
			channels = append(channels, name)
		}
	}
	slices.Sort(channels)
	return channels
}
