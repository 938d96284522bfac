//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/cmd/rollcall/torture"
)

// A NATS machine that was away and catches up slowly is no damage: a server that starts on it meanwhile waits until it has all,
// tells no gap, and gives the log no new epoch.
func TestReplicaThatIsBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster, and waits for a machine that is slow")
	}
	t.Parallel()
	plan := natsCluster(t, 3)
	var routes []*torture.Proxy // to each machine; those between the other two are direct
	direct := func(i int) string { return fmt.Sprint("127.0.0.1:", plan[i].ClusterPort) }
	for i := range plan {
		p := tcpProxy(t, direct(i))
		plan[i].Advertise = p.Addr()
		routes = append(routes, p)
	}
	plan[0].Routes = []string{routes[0].Addr()} // itself: a cluster needs one, and the others connect to it
	plan[1].Routes, plan[2].Routes = []string{routes[0].Addr(), direct(2)}, []string{routes[0].Addr(), direct(1)}
	stores := natsProcessesOf(t, plan)
	var machines []*machine
	for i := range 3 {
		m := newMachine(t, fmt.Sprint("n", i+1), append(keepsAll, "--nats-replicas=3", "--nats=nats://"+stores[(i+1)%3].address())...)
		machines = append(machines, m)
	}
	lags := machines[2] // its only NATS machine is the first
	sys := machineSystem(torture.Rules{KeepsAll: true, Durable: true}, machines...)
	shape := func(s torture.Shape) {
		for _, p := range routes {
			p.Set(s, s)
		}
	}
	event := fmt.Sprintf(`{"channelName":"bulk","type":"m","payload":%q}`, strings.Repeat("x", 4000))
	bulk := `{"events":[` + strings.Repeat(event+",", 99) + event + `]}`
	repair := sys.Repair
	sys.Repair = func() { shape(torture.Shape{}); repair() }
	wantSound(t, sys, 3, torture.Fault{
		Name: "behind", On: "server0",
		Begin: func(*rand.Rand) {
			shape(torture.Shape{})
			stores[0].kill()
			lags.end(syscall.SIGKILL)
			until(t, "some seconds of a slow machine's traffic are stored", func() bool {
				answer, err := http.Post("http://"+machines[0].address+"/publish", "application/json", strings.NewReader(bulk))
				if err != nil {
					return false
				}
				_ = answer.Body.Close()
				return answer.StatusCode == http.StatusOK
			})
		},
		End: func() {
			shape(torture.Shape{Rate: 100_000})
			stores[0].start()
			stores[0].listens()
			lags.start()
			until(t, "the machine is behind", func() bool { return replicaLag(t, stores[1].address(), "server0") > 0 })
		},
	})
}

// replicaLag returns how many operations a machine of the cluster is behind in the stream, 0 if that is not known.
func replicaLag(t *testing.T, address, machine string) uint64 {
	t.Helper()
	nc, err := nats.Connect("nats://" + address)
	if err != nil {
		return 0
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, "ROLLCALL")
	if err != nil || stream.CachedInfo().Cluster == nil {
		return 0
	}
	for _, r := range stream.CachedInfo().Cluster.Replicas {
		if r.Name == machine && !r.Offline {
			return r.Lag
		}
	}
	return 0
}
