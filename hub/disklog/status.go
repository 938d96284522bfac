package disklog

// Status is how a log stands with its disk.
type Status struct {
	Reason string // why nothing can be stored, "" for nothing
	Bytes  int64  // of the store on the disk
}

// Status returns how the log stands with its disk.
func (l *Log) Status() Status {
	s := Status{Bytes: l.store.size()}
	if err := l.writable(); err != nil {
		s.Reason = err.Error()
	} else if err := l.room(); err != nil {
		s.Reason = err.Error()
	}
	return s
}

// size returns how many bytes the files have.
func (s *store) size() int64 {
	var bytes int64
	if err := guard(func() error { bytes = int64(s.Metrics().DiskSpaceUsage()); return nil }); err != nil {
		return 0
	}
	return bytes
}
