package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Fault is something that can be done to a system. It begins and ends; Begin may draw how bad it is. Neither is called while
// another fault with the same On lasts.
type Fault struct {
	Name  string // "kill"
	On    string // "n1"
	Begin func(r *rand.Rand)
	End   func()
}

func (f Fault) String() string { return f.Name + " " + f.On }

// Step is one action of a nemesis: it begins faults, holds them, ends them, and rests.
type Step struct {
	Faults     []Fault
	Hold, Rest time.Duration
	rand       *rand.Rand
}

func (s Step) String() string {
	return fmt.Sprintf("%v for %v, rest for %v", s.Faults, s.Hold.Round(time.Millisecond), s.Rest.Round(time.Millisecond))
}

// Plan returns the steps that follow from a seed: a fault each, and sometimes two.
func Plan(seed uint64, faults []Fault, steps int) (plan []Step) {
	r := newRand(seed, "nemesis")
	for range steps {
		s := Step{
			Faults: []Fault{pick(r, faults)},
			Hold:   between(r, 20*time.Millisecond, 700*time.Millisecond),
			Rest:   between(r, 0, 500*time.Millisecond),
			rand:   rand.New(rand.NewPCG(r.Uint64(), r.Uint64())),
		}
		if second := pick(r, faults); r.IntN(4) == 0 && second.On != s.Faults[0].On {
			s.Faults = append(s.Faults, second)
		}
		plan = append(plan, s)
	}
	return plan
}

// run carries a step out.
func (s Step) run(ctx context.Context) {
	for _, f := range s.Faults {
		f.Begin(s.rand)
	}
	Pause(ctx, s.Hold)
	for _, f := range s.Faults {
		f.End()
	}
	Pause(ctx, s.Rest)
}
