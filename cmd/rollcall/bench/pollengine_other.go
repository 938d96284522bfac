//go:build !linux

package bench

// newPollEngine returns the portable engine: there is no epoll here.
func newPollEngine(r *requests, c clock, _ []*tally, _ []*stream) (engine, error) {
	return newPortable(Options{}, r, c), nil
}
