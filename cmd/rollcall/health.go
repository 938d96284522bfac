package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// healthTimeout bounds the whole of a health check.
const healthTimeout = 5 * time.Second

// healthCmd checks a server's health. It serves as a container's health check, because the image may contain no other
// program.
type healthCmd struct {
	Server string `default:"http://127.0.0.1:9090" placeholder:"URL" help:"The server: http://, https:// or unix:/path of its socket file. On a loopback address any certificate is accepted."`
	Ready  bool   `help:"Also check that the server accepts streams and events. It does not while it drains or its event store is unavailable."`

	at     *url.URL
	client *http.Client
}

// Help is shown above the flags.
func (c *healthCmd) Help() string {
	return "Exits with 0 if the server answers correctly within " + healthTimeout.String() + ", and with 1 if it doesn't."
}

// AfterApply checks the flags.
func (c *healthCmd) AfterApply() error {
	transport := &http.Transport{DisableKeepAlives: true} // through no proxy
	server := c.Server
	if path, ok := strings.CutPrefix(server, unixPrefix); ok {
		server = "http://localhost"
		transport.DialContext = dialSocket(path)
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--server: %q is not a server; write for example http://127.0.0.1:9090 or unix:/run/rollcall.sock", c.Server)
	}
	// No secret is sent, and an attacker who controls this machine's loopback needs no certificate.
	ip := net.ParseIP(u.Hostname())
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: ip.IsLoopback() || u.Hostname() == "localhost"}
	if c.at = u.JoinPath("healthz"); c.Ready {
		c.at = u.JoinPath("readyz")
	}
	c.client = &http.Client{Transport: transport, Timeout: healthTimeout}
	return nil
}

// Run returns why the server is not well.
func (c *healthCmd) Run(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at.String(), nil)
	if err != nil {
		return err
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var refusal struct{ Error struct{ Message string } }
	_ = json.NewDecoder(io.LimitReader(answer.Body, 4<<10)).Decode(&refusal) // another server's may not be JSON
	return fmt.Errorf("%s says %s. %s", c.at, answer.Status, refusal.Error.Message)
}
