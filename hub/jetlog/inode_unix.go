//go:build unix

package jetlog

import (
	"os"
	"syscall"
)

// inode returns what tells a file from a copy of it, 0 where nothing does.
func inode(f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
