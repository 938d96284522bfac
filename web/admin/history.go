package admin

import (
	"math"
	"slices"
	"time"

	"rollcall/web/node"
)

// historyKind is the kind of question for a server's readings.
const historyKind = "server-history"

// historyQuestion asks for the readings by the second, or by the minute.
type historyQuestion struct {
	ByMinute bool `json:"byMinute"`
}

// historyAnswer has what differs between the servers of a cluster, oldest first.
type historyAnswer struct {
	End       time.Time `json:"end"`
	Delivered []float32 `json:"delivered"`
	Bytes     []float32 `json:"bytes"`
	LagP50    []float32 `json:"lagP50"`
	LagP99    []float32 `json:"lagP99"`
	Memory    []float32 `json:"memory"`
}

// answerHistory answers historyQuestions.
func (a *Admin) answerHistory(q historyQuestion) (any, bool) {
	list := a.node.Meter.History(q.ByMinute)
	if len(list) == 0 {
		return nil, false
	}
	answer := historyAnswer{End: list[len(list)-1].At}
	for i := range list {
		r := &list[i]
		answer.Delivered = append(answer.Delivered, rounded(r.Delivered))
		answer.Bytes = append(answer.Bytes, rounded(r.Bytes))
		answer.LagP50 = append(answer.LagP50, r.LagP50)
		answer.LagP99 = append(answer.LagP99, r.LagP99)
		answer.Memory = append(answer.Memory, rounded(r.Memory))
	}
	return answer, true
}

// mostGuessed is how many readings that a server has not told yet are taken to be as its last one.
const mostGuessed = int(answersAge / time.Second)

// rounded keeps two digits behind the point, more than a chart shows.
func rounded(x float32) float32 { return float32(math.Round(float64(x)*100) / 100) }

// history returns the readings of the cluster: sums over the servers, and the lag of the one with the largest.
func (a *Admin) history(byMinute bool) []node.Reading {
	list := a.node.Meter.History(byMinute)
	if len(list) == 0 || len(a.node.Others()) == 0 {
		return list
	}
	step, end := time.Second, list[len(list)-1].At
	histories := a.seconds
	if byMinute {
		step, histories = time.Minute, a.minutes
	}
	list = slices.Clone(list)
	for _, other := range histories.ask(historyQuestion{byMinute}) {
		h := &other.Value
		n := min(len(h.Delivered), len(h.Bytes), len(h.LagP50), len(h.LagP99), len(h.Memory))
		late := int(math.Round(float64(end.Sub(h.End)) / float64(step))) // readings that the other's newest is older
		for at := range list {
			from := n - 1 - (len(list) - 1 - late - at)
			if from >= n && from < n+mostGuessed {
				from = n - 1 // its answer is some seconds old
			}
			if from < 0 || from >= n {
				continue
			}
			r := &list[at]
			r.Delivered += h.Delivered[from]
			r.Bytes += h.Bytes[from]
			r.Memory += h.Memory[from]
			if h.LagP99[from] > r.LagP99 {
				r.LagP50, r.LagP99 = h.LagP50[from], h.LagP99[from]
			}
		}
	}
	return list
}
