package traffic

import (
	"math"
	"math/rand/v2"
	"time"
)

// The purposes of a source of choices: each purpose gives another sequence for the same number.
const (
	saltPerson = iota << 32
	saltLife
	saltTab
	saltFeed
)

// chance makes random choices. It belongs to one goroutine.
type chance struct{ *rand.Rand }

func newChance(seed, salt, number uint64) chance {
	return chance{rand.New(rand.NewPCG(seed, salt+number))}
}

// oneIn is true once in n times.
func (c chance) oneIn(n int) bool { return c.IntN(n) == 0 }

func (c chance) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.Float64()*float64(most-least))
}

// about returns a duration as waiting times are spread: mostly short, at most
// four times the mean.
func (c chance) about(mean time.Duration) time.Duration {
	return time.Duration(min(c.ExpFloat64(), 4) * float64(mean))
}

func pick[T any](c chance, list []T) T { return list[c.IntN(len(list))] }

// wave is how lively it is at an age, from 0.1 to 1.9: a tide of the given period
// with a smaller one on it.
func wave(age, period time.Duration, phase float64) float64 {
	turn := 2*math.Pi*age.Seconds()/period.Seconds() + phase
	return 1 + 0.65*math.Sin(turn) + 0.25*math.Sin(3.7*turn)
}
