//go:build linux || darwin || freebsd

package disklog

import "syscall"

// disk returns the bytes that are free for this process in dir, and the total; ok is false if they are unknown.
func disk(dir string) (free, total int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), true
}
