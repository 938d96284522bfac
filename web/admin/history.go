package admin

import (
	"math"
	"slices"
	"time"

	"rollcall/web/node"
)

// historyKind is the kind of question for a server's readings.
const historyKind = "server-history"

// historyQuestion asks for the readings at a pace.
type historyQuestion struct {
	Pace node.Pace `json:"pace"`
}

// historyAnswer has what differs between the servers of a cluster, oldest first, one for each step; unknown values are
// negative.
type historyAnswer struct {
	End       time.Time   `json:"end"`
	Delivered []float32   `json:"delivered"`
	Bytes     []float32   `json:"bytes"`
	Memory    []float32   `json:"memory"`
	Lags      [][]float32 `json:"lags"` // p50, p95, p99 and the longest, or none
	Marks     []node.Mark `json:"marks"`
}

// answerHistory answers historyQuestions.
func (a *Admin) answerHistory(q historyQuestion) (any, bool) {
	if q.Pace < node.Seconds || q.Pace > node.Tens {
		return nil, false
	}
	list := a.node.Meter.History(q.Pace)
	if len(list) == 0 {
		return nil, false
	}
	answer := historyAnswer{End: list[len(list)-1].At}
	answer.Marks = a.newestMarks(answer.End.Add(-time.Duration(q.Pace.Kept()) * q.Pace.Step())) // the start is before the first reading
	for i := range list {
		r := &list[i]
		answer.Delivered = append(answer.Delivered, rounded(r.Delivered))
		answer.Bytes = append(answer.Bytes, rounded(r.Bytes))
		answer.Memory = append(answer.Memory, rounded(r.Memory))
		var lags []float32
		if r.LagP99 >= 0 {
			lags = []float32{r.LagP50, r.LagP95, r.LagP99, r.LagMax}
		}
		answer.Lags = append(answer.Lags, lags)
	}
	return answer, true
}

// mostGuessed is how many seconds that a server has not told yet are taken to be as its last one.
const mostGuessed = int(answersAge / time.Second)

// rounded keeps two digits behind the point, more than a chart shows.
func rounded(x float32) float32 { return float32(math.Round(float64(x)*100) / 100) }

// history returns the readings of the cluster: sums over the servers that were up, and the lag of the one with the largest.
func (a *Admin) history(p node.Pace) []node.Reading {
	list := a.node.Meter.History(p)
	if len(list) == 0 || len(a.node.Others()) == 0 {
		return list
	}
	end := list[len(list)-1].At
	list = slices.Clone(list)
	for _, other := range a.histories[p].ask(historyQuestion{p}) {
		h := &other.Value
		n := min(len(h.Delivered), len(h.Bytes), len(h.Memory), len(h.Lags))
		late := int(math.Round(float64(end.Sub(h.End)) / float64(p.Step()))) // readings that the other's newest is older
		for at := range list {
			from := n - 1 - (len(list) - 1 - late - at)
			if from >= n && from < n+mostGuessed && p == node.Seconds {
				from = n - 1 // its answer is some seconds old
			}
			if from >= 0 && from < n {
				addReading(&list[at], h, from)
			}
		}
	}
	return list
}

// addReading adds what another server says of the same time.
func addReading(r *node.Reading, h *historyAnswer, at int) {
	for to, more := range map[*float32]float32{&r.Delivered: h.Delivered[at], &r.Bytes: h.Bytes[at], &r.Memory: h.Memory[at]} {
		if more >= 0 {
			*to = max(0, *to) + more
		}
	}
	if lags := h.Lags[at]; len(lags) == 4 {
		if lags[2] > r.LagP99 {
			r.LagP50, r.LagP95, r.LagP99 = lags[0], lags[1], lags[2]
		}
		r.LagMax = max(r.LagMax, lags[3])
	}
}
