//go:build !unix

package bench

import "time"

// ownCPU is not known here.
func ownCPU() time.Duration { return 0 }

// raiseFileLimit has nothing to do: sockets are not limited here.
func raiseFileLimit(int) error { return nil }
