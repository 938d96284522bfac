package disklog

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// identity returns what tells a file from a copy of it, "" where nothing does. A file
// system may give a copy the inode number of the file that it replaces; it is born
// later. The device is left out, as its number may be another one after a reboot.
func identity(f *os.File) string {
	var s unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &s); err != nil {
		return ""
	}
	if s.Mask&unix.STATX_BTIME == 0 {
		return fmt.Sprint(s.Ino)
	}
	return fmt.Sprint(s.Ino, s.Btime.Sec, s.Btime.Nsec)
}
