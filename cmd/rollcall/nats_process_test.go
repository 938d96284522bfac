package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// asNATS in the environment makes the test binary a NATS server with these options, so that one can be killed and stopped.
const asNATS = "TEST_BINARY_IS_NATS"

// natsOptions are what the NATS servers of tests differ in.
type natsOptions struct {
	Name, StoreDir    string
	Port, ClusterPort int
	Routes            []string
	Advertise         string // the address that the others are told; "" for its own
}

// natsCluster plans n NATS servers on loopback, a cluster if there is more than one.
func natsCluster(t *testing.T, n int) []natsOptions {
	t.Helper()
	list := make([]natsOptions, n)
	var routes []string
	for i := range list {
		list[i] = natsOptions{Name: fmt.Sprint("server", i), StoreDir: t.TempDir(), Port: lastingPort(t), ClusterPort: lastingPort(t)}
		routes = append(routes, fmt.Sprint("127.0.0.1:", list[i].ClusterPort))
	}
	for i := range list {
		if n > 1 {
			list[i].Routes = routes
		}
	}
	return list
}

// server returns the options as NATS has them.
func (o natsOptions) server() server.Options {
	opts := server.Options{ServerName: o.Name, Host: "127.0.0.1", Port: o.Port, JetStream: true, StoreDir: o.StoreDir, NoLog: true}
	if len(o.Routes) > 0 || o.Advertise != "" {
		// Clients don't learn the other servers' addresses, because they may have to use a proxy.
		opts.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: o.ClusterPort, NoAdvertise: true, Advertise: o.Advertise}
	}
	for _, route := range o.Routes {
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: route})
	}
	return opts
}

// runNATS is the whole program if asNATS is set.
func runNATS(text string) {
	var o natsOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	opts := o.server()
	s, err := server.NewServer(&opts)
	if err != nil {
		panic(err)
	}
	s.Start()
	s.WaitForShutdown()
	os.Exit(0)
}

// natsProcess is a NATS server that is a process of its own.
type natsProcess struct {
	t    *testing.T
	opts natsOptions
	cmd  *exec.Cmd
}

// natsProcesses starts n NATS servers, a cluster if there is more than one, until the test's end.
func natsProcesses(t *testing.T, n int) (list []*natsProcess) {
	t.Helper()
	return natsProcessesOf(t, natsCluster(t, n))
}

// natsProcessesOf starts planned NATS servers, until the test's end.
func natsProcessesOf(t *testing.T, plan []natsOptions) (list []*natsProcess) {
	t.Helper()
	for _, o := range plan {
		p := &natsProcess{t: t, opts: o}
		t.Cleanup(p.kill)
		p.start()
		list = append(list, p)
	}
	for _, p := range list {
		p.listens()
	}
	return list
}

func (p *natsProcess) address() string { return fmt.Sprint("127.0.0.1:", p.opts.Port) }

// start starts the server, if it does not run.
func (p *natsProcess) start() {
	p.t.Helper()
	if p.cmd != nil {
		return
	}
	text, err := json.Marshal(p.opts)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = command(p.t, []string{asNATS + "=" + string(text)})
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// listens waits until the server takes connections.
func (p *natsProcess) listens() {
	p.t.Helper()
	until(p.t, p.opts.Name+" listens", func() bool {
		conn, err := net.DialTimeout("tcp", p.address(), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (p *natsProcess) kill() { p.end(syscall.SIGKILL) }

// end ends the server with a signal, if it runs.
func (p *natsProcess) end(sig syscall.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	if sig != syscall.SIGKILL {
		killer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
		defer killer.Stop()
	}
	_ = p.cmd.Wait() // how it ended is in the signal
	p.cmd = nil
}

// signal sends SIGSTOP or SIGCONT.
func (p *natsProcess) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }
