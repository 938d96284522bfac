package jetlog

import "testing"

// A stream that was set back may have a former epoch again, in which numbers were given.
func TestMarkKnowsFormerEpochs(t *testing.T) {
	m := new(mark)
	m.raise("a", 17)
	m.raise("b", 30)
	m.raise("a", 5)
	for _, c := range []struct {
		epoch string
		last  uint64
		used  bool
	}{{"a", 7, true}, {"a", 17, false}, {"b", 29, true}, {"b", 30, false}, {"c", 0, false}} {
		if why, _ := m.reused(c.epoch, c.last); (why != "") != c.used {
			t.Errorf("a stream of %s that ends at %d: %q", c.epoch, c.last, why)
		}
	}
	m.prove("a", "proof")
	m.raise("b", 31)
	if why, sure := m.reused("a", 17); why != "proof" || !sure {
		t.Errorf("the proof is forgotten: %q, %v", why, sure)
	}
	if !m.used("a") || m.used("c") {
		t.Error("epochs that had numbers are not told from others")
	}
}
