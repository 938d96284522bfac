//go:build !linux && !darwin && !freebsd

package disklog

// disk does not know the free space on this system.
func disk(string) (free, total int64, ok bool) { return 0, 0, false }
