package reply

import (
	"net/http"
)

// ReadMethods are the methods of read-only resources.
var ReadMethods = []string{http.MethodGet, http.MethodHead}
