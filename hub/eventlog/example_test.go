package eventlog_test

import (
	"context"
	"fmt"

	"rollcall/hub/eventlog"
)

// A cursor reads the kept events of channels, in log order, and reports where some are missing.
func ExampleMemory() {
	log := eventlog.NewMemory(eventlog.Options{Events: 2, Epoch: "demo"})
	defer log.Close()
	for _, payload := range []string{"1", "2", "3"} {
		_, err := log.Append(context.Background(), []eventlog.Event{{Channel: "news", Type: "count", Payload: []byte(payload)}})
		if err != nil {
			fmt.Println(err)
		}
	}
	batch := log.Next(&eventlog.Cursor{Channels: []string{"news"}}, eventlog.Limit{}, nil)
	fmt.Println("gaps:", batch.Gaps)
	for _, r := range batch.Records {
		fmt.Printf("%d %s\n", r.Seq, r.Payload())
	}
	// Output:
	// gaps: [{news false 0}]
	// 2 2
	// 3 3
}
