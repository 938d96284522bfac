//go:build unix

package web_test

import (
	"syscall"
	"time"
)

// cpuTime is the time that this process has had on processors.
func cpuTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
