package jetlog

import (
	"os"
	"testing"

	"rollcall/hub/eventlog"
	"rollcall/hub/eventlog/logtest"
)

// long skips a test of half a minute, except with CI=true.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") == "" || testing.Short() {
		t.Skip("takes long; runs with CI=true")
	}
}

// conform runs the suite on logs of one link. The mirror keeps what the suite asks for;
// the stream keeps more, as it always does.
func conform(t *testing.T, link *Link, opts Options) {
	logtest.Run(t, func(t testing.TB, keep eventlog.Options) eventlog.Log {
		opts := fresh(opts)
		opts.Mirror = keep
		return open(t, link, opts)
	})
}

func TestConformanceServer(t *testing.T) {
	conform(t, newFleet(t, 1).link(), Options{})
}

func TestConformanceCluster(t *testing.T) {
	long(t)
	conform(t, newFleet(t, 3).link(), Options{Replicas: 3})
}
