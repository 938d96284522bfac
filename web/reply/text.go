package reply

import (
	"strings"
)

// Short returns s, or as many of its bytes as make whole characters within n.
func Short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
