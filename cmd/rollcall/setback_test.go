//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"testing"

	"rollcall/cmd/rollcall/torture"
)

// A store that is replaced by an older copy of itself while the servers run has the log begin anew, each time: no id is given to
// a second event, an idempotency key holds, and clients that resume behind what is gone are told a gap.
func TestStoreThatIsSetBack(t *testing.T) {
	t.Parallel()
	store := natsProcesses(t, 1)[0]
	var machines []*machine
	for i := range 2 {
		machines = append(machines, newMachine(t, fmt.Sprint("n", i+1), append(keepsAll, "--nats=nats://"+store.address())...))
	}
	const onTheirWay = 30 // events that the copy may have and no server has seen
	saved, copied := "", uint64(0)
	wantSound(t, machineSystem(torture.Rules{KeepsAll: true, SetBack: true}, machines...), 3, torture.Fault{
		Name: "set back", On: "store",
		Begin: func(*rand.Rand) {
			// A server that has seen nothing of what is gone can't miss it.
			until(t, "both servers have seen what the copy does not have", func() bool {
				one, other := logAt(machines[0]), logAt(machines[1])
				if one.Epoch == "" || one.Epoch != other.Epoch || min(one.Seq, other.Seq) <= copied {
					return false
				}
				if saved == "" {
					copied = max(one.Seq, other.Seq) + onTheirWay
				}
				return true
			})
			store.end(syscall.SIGTERM)
			from, to := saved, store.opts.StoreDir
			if saved == "" {
				saved = t.TempDir()
				from, to = to, saved
			}
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		},
		End: func() { store.start(); store.listens() },
	})
}

// logAt is where a server's log is, the zero position where it does not answer.
func logAt(m *machine) torture.Position {
	answer, err := http.Get("http://" + m.address + "/lastEvent?channel=c0")
	if err != nil {
		return torture.Position{}
	}
	defer answer.Body.Close()
	return torture.ParsePosition(answer.Header.Get("Last-Event-ID"))
}
