//go:build unix

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// TestRecovery measures how long servers take to recover from each fault, and prints a table. ROLLCALL_RECOVERY in the
// environment is how often each fault is measured; the times are not judged. ROLLCALL_TORTURE_ENGINE chooses one engine.
func TestRecovery(t *testing.T) {
	times := int(number(t, "ROLLCALL_RECOVERY", 0))
	if times == 0 {
		t.Skip("make recovery measures")
	}
	only := os.Getenv("ROLLCALL_TORTURE_ENGINE")
	fmt.Println("| engine | fault | on | median | worst |\n|---|---|---|---|---|")
	for _, engine := range slices.Sorted(maps.Keys(engines)) {
		if only != "" && only != engine || engine == "scarce" { // which is the engine data
			continue
		}
		t.Run(engine, func(t *testing.T) {
			err := torture.Recover(t.Context(), engines[engine](t), times, func(f torture.Fault, took []time.Duration) {
				slices.Sort(took)
				fmt.Printf("| %s | %s | %s | %v | %v |\n", engine, f.Name, f.On,
					took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
