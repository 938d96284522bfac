package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
)

// What is to be done after each garbage collection is done again and again.
func TestAfterEachGC(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls atomic.Int32
	afterEachGC(ctx, func() { calls.Add(1) })
	for calls.Load() < 3 {
		runtime.GC()
	}
}
