package hub_test

import (
	"context"
	"fmt"

	"rollcall/hub"
	"rollcall/hub/eventlog"
)

// tray is a stream's connection that takes everything at once, event by event. A real one takes what it can, and never
// blocks.
type tray chan string

func (t tray) Open(*hub.Conn) {}
func (t tray) Chunked() bool  { return false }
func (t tray) Close(bool)     {}
func (t tray) Write(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		n += len(b)
		t <- string(b)
	}
	return n, nil
}

// ended is an owner that waits for the end of its stream.
type ended chan hub.Reason

func (e ended) Ended(_ *hub.Conn, why hub.Reason) { e <- why }

// A hub delivers a log to whatever can take bytes, without HTTP. A stream that comes with a position gets what it has
// missed, and then what is published.
func Example() {
	log := eventlog.NewMemory(eventlog.Options{Epoch: "demo"})
	defer log.Close()
	h := hub.New(log, hub.Options{})
	defer h.Close()

	publish := func(channel, payload string) {
		_, err := h.Publish(context.Background(), []eventlog.Event{{Channel: channel, Type: "message", Payload: []byte(payload), Bare: true}})
		if err != nil {
			fmt.Println(err)
		}
	}
	publish("news", `"seen"`)
	publish("news", `"missed"`)
	publish("other", `"of no interest"`)

	stream, over := make(tray, 16), make(ended, 1)
	conn := h.Attach(hub.Subscription{Channels: []string{"news"}, Resume: "demo-1", Transport: stream, Owner: over})
	fmt.Print(<-stream)
	publish("news", `"live"`)
	fmt.Print(<-stream)
	conn.End(hub.Kicked)
	fmt.Println("ended:", (<-over).Code)
	// Output:
	// id: demo-2
	// event: message
	// data: "missed"
	//
	// id: demo-4
	// event: message
	// data: "live"
	//
	// ended: kicked
}
