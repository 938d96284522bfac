package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"rollcall/hub/eventlog"
	"rollcall/web"
	"rollcall/web/auth"
)

// logins are the sessions of an application, by the value of its cookie.
var logins = map[string]string{"c29tZS1zZWNyZXQ": "ann"}

// whoIs returns the session of a request from the application's cookie, so that no tokens are needed.
func whoIs(r *http.Request) (*auth.Session, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return nil, nil // anonymous
	}
	user, ok := logins[cookie.Value]
	if !ok {
		return nil, nil
	}
	channels, err := auth.ParsePatterns("news,inbox." + user)
	if err != nil {
		return nil, err
	}
	return &auth.Session{User: user, Info: []byte(`{"name":"Ann"}`), Subscribe: channels}, nil
}

// An application with logins of its own serves Rollcall beside its pages, and publishes without a request. The more
// special patterns of its mux go first; all else is Rollcall's.
func Example_netHTTP() {
	rollcall, err := web.New(web.Options{Access: &auth.Options{Session: whoIs}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rollcall.Close()
	mux := http.NewServeMux()
	mux.Handle("/", rollcall.Handler())
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		_, err := rollcall.Publish(r.Context(), []eventlog.Event{{Channel: "inbox.ann", Type: "order", Payload: []byte(`{"id":7}`)}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	app := httptest.NewUnstartedServer(mux)
	app.Config.ConnContext = web.ConnContext // plain HTTP/1.1 streams cost no goroutine
	app.Start()
	defer app.Close()

	// Ann's browser follows her inbox. An unknown user may not.
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	subscribe := func(cookie string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, app.URL+"/subscribe?channels=inbox.ann", nil)
		if err != nil {
			return nil, err
		}
		req.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		return http.DefaultClient.Do(req)
	}
	stranger, err := subscribe("guessed")
	if err != nil {
		fmt.Println(err)
		return
	}
	stranger.Body.Close()
	fmt.Println("a stranger gets", stranger.Status)
	stream, err := subscribe("c29tZS1zZWNyZXQ")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Body.Close()
	if res, err := http.Post(app.URL+"/orders", "", nil); err == nil {
		res.Body.Close()
	}
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var event struct {
			Type    string
			Payload json.RawMessage
		}
		if ok && json.Unmarshal([]byte(data), &event) == nil && event.Type == "order" {
			fmt.Printf("Ann gets %s %s\n", event.Type, event.Payload)
			break
		}
	}
	// Output:
	// a stranger gets 401 Unauthorized
	// Ann gets order {"id":7}
}
