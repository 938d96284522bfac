// Package apidocs serves the API's description, OpenAPI 3.1 written by hand, as YAML and as a page.
package apidocs
