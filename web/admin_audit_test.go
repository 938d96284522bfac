package web_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// noted is an entry of the audit log.
type noted struct {
	Timestamp                                        time.Time
	Seq                                              uint64
	User, RemoteAddr, Action, Target, Result, Detail string
}

// auditOf downloads the audit log, oldest first.
func auditOf(t testing.TB, v *visitor) []noted {
	t.Helper()
	r := v.get("/admin/audit.jsonl")
	var list []noted
	for line := range strings.Lines(r.text) {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		var d noted
		if err := dec.Decode(&d); err != nil || dec.More() || d.Seq != uint64(len(list))+1 && len(list) > 0 && d.Seq != list[len(list)-1].Seq+1 {
			t.Fatalf("%v in line %q", err, line)
		}
		list = append(list, d)
	}
	return list
}
