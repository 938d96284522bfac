package disklog

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// identity returns a string that differs between a file and any copy of it, "" if the system offers none. A file
// system may give a copy the inode number of the file that it replaces, but a later time of birth. The device number
// is left out, because a reboot may change it.
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
