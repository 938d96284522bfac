//go:build unix

package hooks

import (
	"syscall"
	"testing"
	"time"
)

// reportCPU reports the processor time that the process takes for one operation, until the returned function is called.
func reportCPU(b *testing.B) (end func()) {
	begun := processTime()
	return func() { b.ReportMetric(float64((processTime()-begun).Microseconds())/float64(b.N), "cpu-µs/op") }
}

func processTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
