package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// kind is how a server is set up.
type kind struct {
	name   string
	secure bool
}

// server is a running "rollcall serve".
type server struct {
	kind
	url string
	cmd *exec.Cmd
	log *os.File
}

// The admin account of every server here.
const (
	adminUser     = "soak"
	adminPassword = "soaking-for-an-hour"
)

// settings let everything that a server keeps reach its limit while it is warming up.
const settings = `
history-events: 20
history-age: 1m
presence-grace: 2s
webhooks:
  - url: %s
    allow-private: true
    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=
`

// patience bounds each wait for a server; only a failure reaches it.
const patience = time.Minute

// startServer starts a server and waits until it is ready.
func startServer(ctx context.Context, binary, work string, k kind, hooks string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{kind: k, url: "http://" + address}
	args := []string{"serve", "--config=" + filepath.Join(work, k.name+".yaml"), "--listen=" + address, "--node=" + k.name}
	if k.secure {
		s.url = "https://" + address
		args = append(args, "--tls-dev", "--data="+filepath.Join(work, "data"))
	} else {
		args = append(args, "--h2c")
	}
	if err := os.WriteFile(filepath.Join(work, k.name+".yaml"), fmt.Appendf(nil, settings, hooks), 0o600); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(work, k.name+".log")); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(binary, args...)
	s.cmd.Env = append(os.Environ(), "ROLLCALL_ADMIN_USER="+adminUser, "ROLLCALL_ADMIN_PASSWORD="+adminPassword)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !s.ready(ctx) {
		if !torture.Pause(ctx, 50*time.Millisecond) {
			s.stop()
			log, _ := os.ReadFile(s.log.Name())
			return nil, fmt.Errorf("%s %q is not ready: %s", binary, args, log)
		}
	}
	return s, nil
}

// ready reports whether the server accepts streams.
func (s *server) ready(ctx context.Context) bool {
	answer, err := get(ctx, plain, s.url+"/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// stop ends the server and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	killer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer killer.Stop()
	_ = s.cmd.Wait()
	_ = s.log.Close()
}

// freeAddress finds a port of 127.0.0.1 that is free.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// anyCertificate trusts all servers: their certificates are made for a run.
var anyCertificate = &tls.Config{InsecureSkipVerify: true}

// plain is the client of everything that is no stream.
var plain = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{TLSClientConfig: anyCertificate, MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second},
}

func get(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	return client.Do(request)
}
