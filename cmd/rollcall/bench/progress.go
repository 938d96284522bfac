package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// progress writes what a run is doing, over and over, until it is stopped. On a terminal one line
// is overwritten; elsewhere each is a line.
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
	p.enter("starting")
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

// enter names what the run does from now on.
func (p *progress) enter(phase string) { p.phase.Store(&phase) }

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
