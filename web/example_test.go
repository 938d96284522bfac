package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"rollcall/web"
)

// A server can be mounted in a program's own http.Server. With ConnContext set, plain HTTP/1.1 streams cost no
// goroutine.
func ExampleServer_Handler() {
	rollcall, err := web.New(web.Options{HistoryEvents: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rollcall.Close()
	server := httptest.NewUnstartedServer(rollcall.Handler())
	server.Config.ConnContext = web.ConnContext
	server.Start()
	defer server.Close()

	batch := `{"events":[{"channelName":"news","type":"message","payload":{"title":"hello"}}]}`
	res, err := http.Post(server.URL+"/publish", "application/json", strings.NewReader(batch))
	if err != nil {
		fmt.Println(err)
		return
	}
	res.Body.Close()
	res, err = http.Get(server.URL + "/lastEvent?channel=news")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body))
	// Output: {"response":"{\"type\":\"message\",\"payload\":{\"title\":\"hello\"}}"}
}
