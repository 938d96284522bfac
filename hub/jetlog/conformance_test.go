package jetlog

import (
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/hub/eventlog/logtest"
)

// conform runs the suite on logs of one link. What the stream keeps is what the mirror
// keeps, so that the suite sees both limits.
func conform(t *testing.T, link *Link, opts Options) {
	logtest.Run(t, func(t testing.TB, keep eventlog.Options) eventlog.Log {
		opts := fresh(opts)
		opts.Events, opts.Mirror = int64(keep.Events), keep
		return open(t, link, opts)
	})
}

func TestConformanceEmbedded(t *testing.T) {
	conform(t, embed(t, t.TempDir(), EmbedOptions{}), Options{})
}
