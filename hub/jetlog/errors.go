package jetlog

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"rollcall/hub/eventlog"
)

// Errors of a [Log]: those of [eventlog.Log] and of logs in other stores. Their text continues with a reason.
var (
	ErrUnavailable = eventlog.ErrUnavailable
	ErrUnknown     = eventlog.ErrUnknown
	ErrFull        = eventlog.ErrFull
	ErrTooMany     = fmt.Errorf("%w; it takes %d", eventlog.ErrTooMany, MaxBatch)
	ErrTooLarge    = eventlog.ErrTooLarge
	ErrLost        = eventlog.ErrLost // see [Log.Lost]
)

// ErrRefused: NATS can be reached, and does not take this node: its credentials, its
// certificate or that of NATS are not good.
var ErrRefused = errors.New("NATS refuses the connection")

// MaxBatch is how many events one Append can have: the server's limit of an atomic
// batch.
const MaxBatch = 1000

// apiError is an error response of JetStream.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// Error codes of JetStream that mean something to us.
const (
	codeAccountExceeded  = 10002
	codeNoPeers          = 10005
	codeInsufficient     = 10023
	codeNoMessage        = 10037
	codeMemoryExceeded   = 10028
	codeStorageExceeded  = 10047
	codeMessageTooLarge  = 10054
	codeStoreFailed      = 10077
	codeHeaderTooLarge   = 10097
	codeStreamBytes      = 10122
	codeDuplicateOngoing = 10158
	codeTooManyRequests  = 10167
	codeIncompleteBatch  = 10176
	codeTooLargeBatch    = 10199
	codeDuplicateInBatch = 10201
	codeTooManyBatches   = 10210
)

// err makes an error for callers of Append. Unknown errors count as temporary, with nothing stored.
func (e *apiError) err() error {
	switch e.ErrCode {
	case codeAccountExceeded, codeInsufficient, codeMemoryExceeded, codeStorageExceeded, codeStreamBytes:
		return fmt.Errorf("%w: %s", ErrFull, e.Description)
	case codeStoreFailed:
		if strings.Contains(e.Description, syscall.ENOSPC.Error()) || strings.Contains(e.Description, "maximum") {
			return fmt.Errorf("%w: %s", ErrFull, e.Description)
		}
	case codeMessageTooLarge, codeHeaderTooLarge:
		return fmt.Errorf("%w: %s", ErrTooLarge, e.Description)
	case codeTooLargeBatch:
		return fmt.Errorf("%w: %s", ErrTooMany, e.Description)
	case codeDuplicateOngoing: // of a publish with the same key that is not decided yet
		return fmt.Errorf("%w: %s", ErrUnknown, e.Description)
	case codeTooManyRequests, codeTooManyBatches, codeIncompleteBatch, codeDuplicateInBatch:
		return fmt.Errorf("%w: %s", eventlog.ErrBusy, e.Description)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, e.Description)
}

// Mismatch is the error of a stream that exists and is not as it must be.
type Mismatch struct {
	Stream string
	Fields []string // "max_age is 1h0m0s, want 2h0m0s"
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("the stream %q exists and does not fit the settings: %s", m.Stream, strings.Join(m.Fields, "; "))
}
