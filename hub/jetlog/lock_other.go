//go:build !unix

package jetlog

import "os"

// lockFile does nothing where there is no flock: there the server's store alone sees
// to it that one process uses a directory.
func lockFile(*os.File) error { return nil }
