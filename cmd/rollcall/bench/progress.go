package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// progress prints a run's state repeatedly, until it is stopped: on a terminal in one line, otherwise in a line each
// time.
type progress struct {
	w        io.Writer
	terminal bool
	phase    atomic.Pointer[string]
	begun    time.Time
	stop     chan struct{}
	wg       sync.WaitGroup
}

// newProgress starts to report status every so often; it is called from another goroutine. A nil w is silent.
func newProgress(w io.Writer, every time.Duration, status func() string) *progress {
	p := &progress{w: w, begun: time.Now(), stop: make(chan struct{})}
	p.setPhase("starting")
	if w == nil {
		return p
	}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	p.wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
				p.line(status())
			}
		}
	})
	return p
}

// setPhase sets the name of the run's current phase.
func (p *progress) setPhase(phase string) { p.phase.Store(&phase) }

func (p *progress) line(status string) {
	format := "%4.0fs %s: %s\n"
	if p.terminal {
		format = "\r\x1b[K%4.0fs %s: %s"
	}
	fmt.Fprintf(p.w, format, time.Since(p.begun).Seconds(), *p.phase.Load(), status)
}

// end stops reporting and clears the line.
func (p *progress) end() {
	close(p.stop)
	p.wg.Wait()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
