//go:build unix

package bench

import (
	"fmt"
	"syscall"
	"time"
)

// ownCPU is the CPU time of this process.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// raiseFileLimit makes room for n open files, or returns an error with a remedy.
func raiseFileLimit(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if uint64(limit.Cur) >= uint64(n) {
		return nil
	}
	had := limit
	limit.Cur = limit.Max
	if uint64(limit.Max) < uint64(n) {
		setLimit(&limit.Cur, n)
		setLimit(&limit.Max, n) // root may
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) < uint64(n) {
		return fmt.Errorf("%d open files are needed, the limit is %d: raise it with 'ulimit -n %d'", n, had.Max, n)
	}
	return nil
}

// setLimit stores n in a field whose type differs between systems.
func setLimit[T int64 | uint64](field *T, n int) { *field = T(n) }
