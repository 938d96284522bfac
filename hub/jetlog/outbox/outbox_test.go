package outbox

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"rollcall/hub/jetlog/internal/leaks"
	"rollcall/hub/outbox"
	"rollcall/hub/outbox/storetest"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

func TestOutbox(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		NoSigs: true, NoLog: true, JetStream: true, Host: "127.0.0.1", Port: server.RANDOM_PORT, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	storetest.Run(t, func(t *testing.T, name string) outbox.Store {
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		o, err := Open(context.Background(), nc, Options{Name: "HOOKS_" + name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = o.Close() })
		return o
	})
}
