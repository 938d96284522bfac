package privatefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Read returns a regular file of at most the given bytes. A file that others may read is an error. The errors of a file
// that does not exist are fs.ErrNotExist.
func Read(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("it holds secrets and must be private: its mode is %04o; allowed is 0600", info.Mode().Perm())
	case info.Size() > most:
		return nil, fmt.Errorf("it has %d bytes; allowed are up to %d", info.Size(), most)
	}
	return os.ReadFile(path)
}

// temporary is the pattern of the names of files that are about to replace one.
func temporary(path string) string { return "." + filepath.Base(path) + ".*" }

// Replace writes a file atomically, with mode 0600: readers find the old file or the new one, even after a power
// failure.
func Replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary(path)) // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if runtime.GOOS == "windows" {
		return nil // it cannot sync a directory
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
