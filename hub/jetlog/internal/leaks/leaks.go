package leaks

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long NATS servers have to end; on a busy machine the files that they
// close take seconds.
const patience = time.Minute

// VerifyTestMain is goleak's, after the NATS servers of this process have ended. A server's stores end some time after
// its WaitForShutdown, and goleak waits for only about a second.
func VerifyTestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

type tests struct{ m *testing.M }

// Run implements [goleak.TestingM].
func (t tests) Run() int {
	code := t.m.Run()
	awaitServers()
	return code
}

// awaitServers waits until no goroutine belongs to a NATS server. goleak reports any that remain.
func awaitServers() {
	for deadline := time.Now().Add(patience); serving() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
}

// serving reports whether a goroutine is a NATS server's.
func serving() bool {
	stacks := make([]byte, 1<<20)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) {
			return bytes.Contains(stacks[:n], []byte("github.com/nats-io/nats-server/"))
		}
		stacks = make([]byte, 2*len(stacks))
	}
}
