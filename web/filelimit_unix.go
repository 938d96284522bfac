//go:build unix

package web

import (
	"golang.org/x/sys/unix"
)

// Descriptors kept for other things than streams, and than connections.
const (
	spareFiles    = 256
	reservedFiles = 64
)

// streamsBelowFileLimit returns how many streams fit in the process's limit of
// file descriptors, leaving some for listeners, publishers and files.
func streamsBelowFileLimit() int { return belowFileLimit(spareFiles) }

// connectionsBelowFileLimit returns how many connections fit in it, leaving some
// for listeners and files.
func connectionsBelowFileLimit() int { return belowFileLimit(reservedFiles) }

func belowFileLimit(spare int) int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 1000
	}
	files := int(min(uint64(limit.Cur), 1<<24))
	return max(files-spare, files/2, 1)
}
