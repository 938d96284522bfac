package reply

import (
	"net/http"
)

// MethodQuery is the method of a GET with a body (RFC 10008).
const MethodQuery = "QUERY"

// ReadMethods are the methods of read-only resources.
var ReadMethods = []string{http.MethodGet, http.MethodHead}
