package reply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"rollcall/hub/eventlog"
)

// storeFault is the answer to an error of the event store.
type storeFault struct {
	errs    []error
	status  int
	code    string
	retry   int    // seconds until the request may be repeated; 0 if a retry does not help
	reason  string // a sentence for everybody
	outcome string // an additional sentence for publishers
}

const nothingPublished = "Nothing was published; try again."

var storeFaults = []storeFault{
	{[]error{eventlog.ErrBusy}, http.StatusTooManyRequests, "busy", 1,
		"Events come faster than they can be delivered.", nothingPublished},
	{[]error{eventlog.ErrTooLarge, eventlog.ErrTooMany}, http.StatusRequestEntityTooLarge, "too_large_to_store", 0,
		"The events are too large, or too many at once, for the event store.", "Nothing was published."},
	{[]error{eventlog.ErrFull}, http.StatusServiceUnavailable, "store_full", 10,
		"The event store is full.", "Nothing was published."},
	{[]error{eventlog.ErrUnknown}, http.StatusServiceUnavailable, "outcome_unknown", 1,
		"The event store did not answer.",
		"The events may or may not have been published. Try again with the same idempotency keys."},
	{[]error{eventlog.ErrUnavailable, eventlog.ErrLost}, http.StatusServiceUnavailable, "store_unavailable", 1,
		"The event store can't be reached.", nothingPublished},
	{[]error{eventlog.ErrBehind}, http.StatusServiceUnavailable, "behind", 1,
		"This server does not have the events up to the given position yet.", nothingPublished},
	{[]error{eventlog.ErrClosed, context.Canceled, context.DeadlineExceeded}, http.StatusServiceUnavailable, "unavailable", 1,
		"The server is shutting down.", nothingPublished},
}

// storeFaultOf returns the answer to an error of the event store.
func storeFaultOf(c *gin.Context, err error) storeFault {
	for _, f := range storeFaults {
		for _, is := range f.errs {
			if !errors.Is(err, is) {
				continue
			}
			if f.retry > 0 {
				c.Header("Retry-After", strconv.Itoa(f.retry))
			}
			return f
		}
	}
	return storeFault{status: http.StatusServiceUnavailable, code: "unavailable", reason: "The event store failed.", outcome: "Try again."}
}

// PublishFault returns the fault for a failed append.
func PublishFault(c *gin.Context, err error) *Fault {
	var ended *eventlog.EndedError
	if errors.As(err, &ended) {
		field := fmt.Sprintf("events[%d].channelName", ended.Index)
		return &Fault{Status: http.StatusConflict, Code: "channel_ended", Field: field,
			Message: fmt.Sprintf("%s is %q, which has ended; nothing was published. DELETE /history empties a channel and opens it again", field, ended.Channel)}
	}
	f := storeFaultOf(c, err)
	return NewFault(f.status, f.code, f.reason+" "+f.outcome)
}

// ReadFault returns the fault for a failed read of the event store.
func ReadFault(c *gin.Context, err error) *Fault {
	f := storeFaultOf(c, err)
	return NewFault(f.status, f.code, f.reason+" Try again.")
}
