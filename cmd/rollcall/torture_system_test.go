//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/cmd/rollcall/torture"
)

// keepsAll are flags with which no event of a round is dropped.
var keepsAll = []string{"--history-events=100000", "--history-bytes=64MiB"}

// machine is a server that faults end and start again, and the networks on both its sides.
type machine struct {
	t       *testing.T
	name    string
	args    []string
	address string // of the server itself
	p       *program
	front   *torture.Proxy   // between clients and the server
	links   []*torture.Proxy // between the server and each NATS server
	drained chan struct{}    // closed when the process has ended
}

// newMachine starts a server behind a proxy.
func newMachine(t *testing.T, name string, args ...string) *machine {
	t.Helper()
	m := &machine{t: t, name: name, address: fmt.Sprint("127.0.0.1:", lastingPort(t))}
	m.args = append([]string{"--listen=" + m.address, "--presence-grace=500ms", "--shutdown-timeout=5s", "--node=" + name}, args...)
	m.front = tcpProxy(t, m.address)
	return m
}

// start starts the process, if it does not run, without waiting for it.
func (m *machine) start() {
	m.t.Helper()
	if m.runs() {
		return
	}
	m.p = launch(m.t, nil, m.args...)
	drained := make(chan struct{})
	m.drained = drained
	go func() {
		defer close(drained)
		for range m.p.logs {
			continue // a full channel would stop the program; what it logs is in p.all
		}
	}()
}

// url is the address of the server itself, in the form of a [torture.System].
func (m *machine) url() string { return m.scheme() + m.address }

func (m *machine) scheme() string {
	if slices.Contains(m.args, "--tls-dev") {
		return "https://"
	}
	return ""
}

func (m *machine) runs() bool {
	if m.p == nil {
		return false
	}
	select {
	case <-m.drained:
		return false
	default:
		return true
	}
}

// end ends the process with a signal.
func (m *machine) end(sig syscall.Signal) {
	m.t.Helper()
	if !m.runs() {
		m.wantEnded()
		return
	}
	_ = m.p.cmd.Process.Signal(sig)
	killer := time.AfterFunc(patience, func() { _ = m.p.cmd.Process.Kill() })
	defer killer.Stop()
	<-m.drained
	m.wantEnded()
}

// wantEnded checks how a process ended: killed, in order, after the shutdown's time, or because the store can't be used. All
// others are crashes.
func (m *machine) wantEnded() {
	m.t.Helper()
	if m.p == nil {
		return
	}
	_ = m.p.cmd.Wait()
	switch code := m.p.cmd.ProcessState.ExitCode(); code {
	case -1, 0, 3:
	case 1:
		m.t.Logf("%s ended with code 1: %s", m.name, lastLines(m.p))
	default:
		m.t.Errorf("%s ended with code %d:\n%s", m.name, code, lastLines(m.p))
	}
	m.p = nil
}

// lastLines returns the end of what a program that has ended printed.
func lastLines(p *program) string {
	all := strings.TrimSpace(p.all.String())
	return all[max(0, len(all)-4000):]
}

// again starts the process if it should run and does not.
func (m *machine) again() {
	m.t.Helper()
	if !m.runs() {
		m.wantEnded()
		m.start()
	}
}

// faults are those that a server of any engine can suffer.
func (m *machine) faults() []torture.Fault {
	fault := func(name string, begin func(r *rand.Rand), end func()) torture.Fault {
		return torture.Fault{Name: name, On: m.name, Begin: begin, End: end}
	}
	pass := func() { m.front.Set(torture.Shape{}, torture.Shape{}) }
	return []torture.Fault{
		fault("kill", func(*rand.Rand) { m.end(syscall.SIGKILL) }, m.start),
		fault("kill while starting", func(r *rand.Rand) {
			for range 1 + r.IntN(3) {
				m.end(syscall.SIGKILL)
				m.start()
				torture.Pause(m.t.Context(), time.Duration(r.IntN(300))*time.Millisecond)
			}
			m.end(syscall.SIGKILL)
		}, m.start),
		fault("term", func(*rand.Rand) { m.end(syscall.SIGTERM) }, m.start),
		fault("stop", func(*rand.Rand) { m.signal(syscall.SIGSTOP) }, func() { m.signal(syscall.SIGCONT) }),
		fault("reset clients", func(*rand.Rand) { m.front.Cut(true) }, func() { m.front.Cut(false) }),
		fault("swallow", func(r *rand.Rand) {
			way := 1 + r.IntN(3)
			m.front.Set(torture.Shape{Hold: way&1 > 0}, torture.Shape{Hold: way&2 > 0})
		}, pass),
		fault("slow clients", func(r *rand.Rand) {
			shape := torture.Shape{Delay: time.Duration(r.IntN(100)) * time.Millisecond, Rate: 1000 + r.IntN(50_000)}
			m.front.Set(shape, shape)
		}, pass),
	}
}

// natsFaults are those of a server's links to NATS.
func (m *machine) natsFaults() []torture.Fault {
	fault := func(name string, begin func(r *rand.Rand)) torture.Fault {
		return torture.Fault{Name: name, On: m.name, Begin: begin, End: func() {
			for _, link := range m.links {
				link.Set(torture.Shape{}, torture.Shape{})
				link.Cut(false)
			}
		}}
	}
	shape := func(to, from torture.Shape) {
		for _, link := range m.links {
			link.Set(to, from)
		}
	}
	return []torture.Fault{
		fault("cut off", func(r *rand.Rand) {
			way := 1 + r.IntN(3)
			shape(torture.Shape{Hold: way&1 > 0}, torture.Shape{Hold: way&2 > 0})
		}),
		fault("reset links", func(*rand.Rand) {
			for _, link := range m.links {
				link.Cut(true)
			}
		}),
		fault("lag", func(r *rand.Rand) {
			shape(torture.Shape{}, torture.Shape{Delay: time.Duration(50+r.IntN(500)) * time.Millisecond})
		}),
		fault("throttle", func(r *rand.Rand) { shape(torture.Shape{}, torture.Shape{Rate: 2000 + r.IntN(20_000)}) }),
	}
}

// signal sends a signal to the process, if it runs.
func (m *machine) signal(sig syscall.Signal) {
	if m.runs() {
		_ = m.p.cmd.Process.Signal(sig)
	}
}

// machineSystem is machines as a system.
func machineSystem(rules torture.Rules, machines ...*machine) torture.System {
	sys := torture.System{Rules: rules}
	for _, m := range machines {
		sys.Servers = append(sys.Servers, m.scheme()+m.front.Addr())
		sys.Faults = append(sys.Faults, m.faults()...)
		m.start()
	}
	sys.Repair = func() {
		for _, m := range machines {
			m.again()
		}
	}
	for _, m := range machines {
		until(m.t, m.name+" is ready", func() bool { return torture.Ready(context.Background(), m.url()) })
	}
	return sys
}

func memorySystem(t *testing.T) torture.System {
	return machineSystem(torture.Rules{KeepsAll: true}, newMachine(t, "n1", keepsAll...))
}

// tlsSystem is one server over TLS.
func tlsSystem(t *testing.T) torture.System {
	return machineSystem(torture.Rules{KeepsAll: true, Durable: true},
		newMachine(t, "n1", append(keepsAll, "--tls-dev", "--data="+filepath.Join(t.TempDir(), "data"))...))
}

// scarceSystem drops most events soon.
func scarceSystem(t *testing.T) torture.System {
	return machineSystem(torture.Rules{Durable: true}, newMachine(t, "n1", "--history-events=20", "--data="+filepath.Join(t.TempDir(), "data")))
}

// smallDiskFaults makes a directory a small disk, and returns its faults; nil where it cannot be.
var smallDiskFaults = func(*testing.T, string) []torture.Fault { return nil }

// dataSystem is one server with a directory, on a small disk if one can be mounted here.
func dataSystem(t *testing.T) torture.System {
	dir := t.TempDir()
	faults := smallDiskFaults(t, dir) // before a server uses it
	m := newMachine(t, "n1", append(keepsAll, "--data="+filepath.Join(dir, "data"))...)
	sys := machineSystem(torture.Rules{KeepsAll: true, Durable: true}, m)
	sys.Faults = append(sys.Faults, faults...)
	return sys
}

// natsSystem is three servers, two of one name, on three NATS servers, each server with proxies of its own to them.
func natsSystem(t *testing.T) torture.System {
	stores := natsProcesses(t, 3)
	var machines []*machine
	for i := range 3 {
		m := newMachine(t, fmt.Sprint("n", i+1), append(keepsAll, "--nats-replicas=3")...)
		if i == 2 {
			m.args = append(m.args, "--node=n2") // two servers may have one name
		}
		for _, s := range stores {
			link := tcpProxy(t, s.address())
			m.links = append(m.links, link)
			m.args = append(m.args, "--nats=nats://"+link.Addr())
		}
		machines = append(machines, m)
	}
	sys := machineSystem(torture.Rules{KeepsAll: true, Durable: true}, machines...)
	for _, m := range machines {
		sys.Faults = append(sys.Faults, m.natsFaults()...)
	}
	for _, s := range stores {
		sys.Faults = append(sys.Faults, s.faults()...)
	}
	return sys
}

// faults are those of a NATS server.
func (p *natsProcess) faults() []torture.Fault {
	fault := func(name string, begin, end func()) torture.Fault {
		return torture.Fault{Name: name, On: p.opts.Name, Begin: func(*rand.Rand) { begin() }, End: end}
	}
	return []torture.Fault{
		fault("kill", p.kill, p.start),
		fault("term", func() { p.end(syscall.SIGTERM) }, p.start),
		fault("stop", func() { p.signal(syscall.SIGSTOP) }, func() { p.signal(syscall.SIGCONT) }),
	}
}
