//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// smallCluster is three servers on one NATS server, each with a proxy of its own to it.
func smallCluster(t *testing.T) (sys torture.System, machines []*machine) {
	t.Helper()
	store := natsProcesses(t, 1)[0]
	for i := range 3 {
		m := newMachine(t, fmt.Sprint("n", i+1), keepsAll...)
		m.links = append(m.links, tcpProxy(t, store.address()))
		m.args = append(m.args, "--nats=nats://"+m.links[0].Addr())
		machines = append(machines, m)
	}
	return machineSystem(torture.Rules{KeepsAll: true, Durable: true}, machines...), machines
}

// wantSound makes a round in which nothing but these faults happens, and wants no violation.
func wantSound(t *testing.T, sys torture.System, steps int, faults ...torture.Fault) {
	t.Helper()
	sys.Faults = faults
	h := torture.Run(t.Context(), sys, torture.Round{Seed: 1, Steps: steps, Log: t.Logf})
	if found := torture.Check(h, sys.Rules); len(found) > 0 {
		t.Errorf("%d violations; the history is in %s\n%s", len(found), written(t, h, t.Name()), torture.Summary(found))
	}
}

// nothing is no fault: the clients alone drop, stall, and come back to another server.
func nothing(on string) torture.Fault {
	return torture.Fault{Name: "nothing", On: on, Begin: func(*rand.Rand) {}, End: func() {}}
}

// A client that takes a position from one server of an idle cluster to another resumes there at once: without a step
// back, a false gap or repetitions; so does a page of the history.
func TestClientsChangeServers(t *testing.T) {
	t.Parallel()
	sys, _ := smallCluster(t)
	wantSound(t, sys, 2, nothing("n1"))
}

// The same if one server sees all events late, and another gets them slowly.
func TestClientsChangeToAServerThatLags(t *testing.T) {
	t.Parallel()
	sys, machines := smallCluster(t)
	machines[1].links[0].Set(torture.Shape{}, torture.Shape{Delay: 150 * time.Millisecond})
	machines[2].links[0].Set(torture.Shape{}, torture.Shape{Rate: 100_000})
	wantSound(t, sys, 3, nothing("n1"))
}

// The same if one server is repeatedly cut off from NATS without noticing yet.
func TestClientsChangeToAServerThatIsCutOff(t *testing.T) {
	t.Parallel()
	sys, machines := smallCluster(t)
	link := machines[2].links[0]
	swallow := torture.Shape{Hold: true}
	wantSound(t, sys, 3, torture.Fault{
		Name: "cut off", On: "n3",
		Begin: func(*rand.Rand) { link.Set(swallow, swallow) },
		End:   func() { link.Set(torture.Shape{}, torture.Shape{}) },
	})
}
