package bench

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

func TestStatFieldsFollowTheName(t *testing.T) {
	f := statFields([]byte("42 (a) name) with) S 7 1"))
	if !slices.Equal(f, []string{"S", "7", "1"}) {
		t.Errorf("%q, want the state, the parent and so on", f)
	}
}

func TestChildrenAreWatched(t *testing.T) {
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	self := os.Getpid()
	pids := withChildren([]int{self, self})
	if !slices.Contains(pids, child.Process.Pid) || len(pids) != len(slices.Compact(slices.Sorted(slices.Values(pids)))) {
		t.Errorf("%v, want %d and %d, each once", pids, self, child.Process.Pid)
	}
	one, err := processMemory([]int{child.Process.Pid})
	if err != nil || one.pss <= 0 || one.rss < one.pss {
		t.Errorf("memory of the child: %+v, %v", one, err)
	}
	in.Close()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := processCPU([]int{child.Process.Pid}); err == nil {
		t.Error("a process that has ended is watched without an error")
	}
}
