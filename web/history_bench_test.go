package web_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/hub/disklog"
	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/webtest"
)

// BenchmarkHistoryLast asks for the newest 20 events of a channel that keeps many, on a disk and in memory.
func BenchmarkHistoryLast(b *testing.B) {
	for _, kept := range []int{1000, 100_000} {
		for _, on := range []string{"disk", "memory"} {
			b.Run(fmt.Sprintf("%s/%d", on, kept), func(b *testing.B) {
				keep := eventlog.Options{Events: 1 << 20, Bytes: 1 << 30}
				var engine web.Engine
				if on == "memory" {
					engine = web.MemoryEngine{Memory: eventlog.NewMemory(keep)}
				} else {
					keep.Budget = 1 << 20
					log, err := disklog.Open(filepath.Join(b.TempDir(), "data"), disklog.Options{Keep: keep})
					if err != nil {
						b.Fatal(err)
					}
					engine = log
				}
				b.Cleanup(func() { _ = engine.Close() })
				srv := webtest.Start(b, web.Options{Engine: engine})
				payloads := make([]string, 1000)
				for i := range payloads {
					payloads[i] = `"` + strings.Repeat("x", 100) + `"`
				}
				for n := 0; n < kept; n += len(payloads) {
					srv.Publish("long", payloads...)
				}
				for n := 0; n < 20_000; n += len(payloads) { // of which the memory is full
					srv.Publish("other", payloads...)
				}
				for b.Loop() {
					srv.Get("/history?channel=long&last=20").WantStatus(200)
				}
			})
		}
	}
}
