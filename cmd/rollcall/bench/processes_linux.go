package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, 100 a second on every Linux port.
const clockTick = 10 * time.Millisecond

// processCPU sums up the CPU time of pids and all their descendants. Only cpu is set.
func processCPU(pids []int) (usage, error) {
	var u usage
	for _, pid := range withChildren(pids) {
		t, err := threadTime(pid)
		if err != nil {
			return u, err
		}
		u.cpu += t
	}
	return u, nil
}

// processMemory sums up the memory of pids and all their descendants. pss and rss are set.
func processMemory(pids []int) (usage, error) {
	var u usage
	for _, pid := range withChildren(pids) {
		pss, rss, err := memory(pid)
		if err != nil {
			return u, err
		}
		u.pss += pss
		u.rss += rss
	}
	return u, nil
}

// threadTime returns the time that all threads of pid have run. The scheduler's own figure is in nanoseconds, but only
// covers living threads; the figure that includes ended threads is in ticks. If they differ by more than a tick for
// each of its two parts, threads have ended.
func threadTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := statFields(stat)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: only %d fields", pid, len(fields))
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	ticks := time.Duration(user+system) * clockTick

	var exact time.Duration
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		n, _ := strconv.ParseInt(string(first), 10, 64)
		exact += time.Duration(n)
	}
	return max(exact, ticks), nil
}

// statFields are the fields of a stat file from the third on: the second, the name, may hold
// spaces and parentheses.
func statFields(stat []byte) []string {
	i := bytes.LastIndexByte(stat, ')')
	return strings.Fields(string(stat[i+1:]))
}

// memory reads the proportional and resident set sizes of pid in bytes.
func memory(pid int) (pss, rss int64, err error) {
	name := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "Pss:":
			pss = n << 10
		case "Rss:":
			rss = n << 10
		}
	}
	if rss == 0 {
		return 0, 0, fmt.Errorf("%s: no sizes", name)
	}
	return pss, rss, nil
}

// withChildren returns pids and all their living descendants, each once.
func withChildren(pids []int) []int {
	children := make(map[int][]int)
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if f := statFields(stat); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	seen := make(map[int]bool)
	for queue := pids; len(queue) > 0; queue = queue[1:] {
		if pid := queue[0]; !seen[pid] {
			seen[pid] = true
			all = append(all, pid)
			queue = append(queue[:len(queue):len(queue)], children[pid]...)
		}
	}
	return all
}
