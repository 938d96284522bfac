package leaks

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
)

func TestMain(m *testing.M) { VerifyTestMain(m) }

// What a store of a NATS server has running is waited for. On a busy machine it was taken
// for a leak, as it ends after the server.
func TestServersAreAwaited(t *testing.T) {
	if serving() {
		t.Fatal("no server was started")
	}
	ats.Register()
	if !serving() {
		t.Error("a store's clock is not seen")
	}
	ended := make(chan struct{})
	go func() {
		awaitServers()
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("a store that is open is not waited for")
	default:
	}
	ats.Unregister()
	<-ended
	if serving() {
		t.Error("a store's clock is left")
	}
}
