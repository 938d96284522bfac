package traffic_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"rollcall/cmd/demo/traffic"
	"rollcall/web"
)

// patience only turns a hang into a failure.
const patience = time.Minute

// start runs a server until the test ends and returns its address.
func start(t *testing.T) string {
	t.Helper()
	server, err := web.New(web.Options{H2C: true, PresenceGrace: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// online asks the server how many clients are there.
func online(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	answer, err := client.Get(url + "/presence/clients?limit=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	var list struct{ Total int }
	if err != nil || json.Unmarshal(text, &list) != nil {
		t.Fatalf("%s %s, error %v", answer.Status, text, err)
	}
	return list.Total
}

// A small crowd is active within seconds, and stops when asked to.
func TestCrowd(t *testing.T) {
	url := start(t)
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	crowd := traffic.Start(ctx, url, traffic.Options{People: 20, Seed: 1, H2C: true})
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for begun := time.Now(); ; <-poll.C {
		n, counts := online(t, client, url), crowd.Counts()
		if n >= 10 && counts.Events >= 20 && counts.Reloads >= 1 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d are online, %+v", n, counts)
		}
	}
	cancel()
	crowd.Wait()
	if counts := crowd.Counts(); counts.Failures > 0 {
		t.Errorf("publishing failed: %+v", counts)
	}
}

// Without a server no client connects, and all of them still end.
func TestCrowdWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	crowd := traffic.Start(ctx, "http://"+l.Addr().String(), traffic.Options{People: 20, H2C: true})
	conn, err := l.Accept() // a client has connected, and is never answered
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	crowd.Wait()
	if counts := crowd.Counts(); counts.Streams > 0 || counts.Events > 0 {
		t.Errorf("nobody answers, and yet: %+v", counts)
	}
}
