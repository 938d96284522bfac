//go:build unix

package web

import "golang.org/x/sys/unix"

// spareFiles are descriptors kept for other things than streams.
const spareFiles = 256

// streamsBelowFileLimit returns how many streams fit in the process's limit of
// file descriptors, leaving some for listeners, publishers and files.
func streamsBelowFileLimit() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 1000
	}
	files := int(min(uint64(limit.Cur), 1<<24))
	return max(files-spareFiles, files/2, 1)
}
