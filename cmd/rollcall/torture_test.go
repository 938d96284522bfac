//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// engines are the systems that are tortured.
var engines = map[string]func(t *testing.T) torture.System{
	"memory": memorySystem, "data": dataSystem, "scarce": scarceSystem, "tls": tlsSystem, "nats": natsSystem,
}

// shortSeeds are those of every run of the tests.
var shortSeeds = map[string][]uint64{"memory": {1}, "data": {2}, "scarce": {3}, "nats": {4}, "tls": {5}}

// TestTorture attacks real servers with faults, and checks the clients' observations. In the environment,
// ROLLCALL_TORTURE_FOR sets its duration, with random seeds; ROLLCALL_TORTURE_SEED replays one;
// ROLLCALL_TORTURE_ENGINE chooses one of memory, data, scarce, tls and nats; ROLLCALL_TORTURE_STEPS is the number of faults
// in a round.
func TestTorture(t *testing.T) {
	t.Parallel()
	only, long := os.Getenv("ROLLCALL_TORTURE_ENGINE"), os.Getenv("ROLLCALL_TORTURE_FOR")
	if only != "" && engines[only] == nil {
		t.Fatalf("ROLLCALL_TORTURE_ENGINE is %q", only)
	}
	steps := number(t, "ROLLCALL_TORTURE_STEPS", 6)
	if seed := number(t, "ROLLCALL_TORTURE_SEED", 0); seed > 0 && long == "" {
		shortSeeds = map[string][]uint64{"memory": {seed}, "data": {seed}, "scarce": {seed}, "nats": {seed}, "tls": {seed}}
	}
	if long != "" {
		tortureFor(t, only, long, steps)
		return
	}
	for engine, seeds := range shortSeeds {
		for _, seed := range seeds {
			if only == "" || only == engine {
				t.Run(fmt.Sprint(engine, "/", seed), func(t *testing.T) {
					t.Parallel()
					tortureRound(t, engine, seed, steps)
				})
			}
		}
	}
}

// tortureFor makes rounds until the time is over.
func tortureFor(t *testing.T, only, long string, steps uint64) {
	span, err := time.ParseDuration(long)
	if err != nil {
		t.Fatalf("ROLLCALL_TORTURE_FOR is %q, want a duration such as 2h", long)
	}
	first := number(t, "ROLLCALL_TORTURE_SEED", rand.Uint64N(1<<32))
	for seed, end := first, time.Now().Add(span); time.Now().Before(end); seed++ {
		for engine := range engines {
			if only == "" || only == engine {
				t.Run(fmt.Sprint(engine, "/", seed), func(t *testing.T) { tortureRound(t, engine, seed, steps) })
			}
		}
	}
}

// number reads a variable; 0 and none are the usual value.
func number(t *testing.T, name string, usual uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// tortureRound makes one round.
func tortureRound(t *testing.T, engine string, seed, steps uint64) {
	sys := engines[engine](t)
	h := torture.Run(t.Context(), sys, torture.Round{Seed: seed, Steps: int(steps), Log: t.Logf})
	found := torture.Check(h, sys.Rules)
	if len(found) == 0 {
		return
	}
	path := written(t, h, fmt.Sprint(engine, "-", seed))
	t.Errorf("%d violations; the history is in %s. To replay:\n"+
		"ROLLCALL_TORTURE_ENGINE=%s ROLLCALL_TORTURE_SEED=%d ROLLCALL_TORTURE_STEPS=%d go test -race -run TestTorture ./cmd/rollcall\n%s",
		len(found), path, engine, seed, steps, torture.Summary(found))
}

// written writes a history to a file that outlives the test.
func written(t *testing.T, h *torture.History, name string) (path string) {
	t.Helper()
	path = filepath.Join(os.TempDir(), "rollcall-torture-"+name+".jsonl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := h.Write(file); err != nil {
		t.Error(err)
	}
	return path
}
