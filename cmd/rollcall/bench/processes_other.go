//go:build !linux

package bench

import "errors"

var errNoProc = errors.New("server figures need Linux's /proc")

// processCPU needs /proc.
func processCPU([]int) (usage, error) { return usage{}, errNoProc }

// processMemory needs /proc.
func processMemory([]int) (usage, error) { return usage{}, errNoProc }
