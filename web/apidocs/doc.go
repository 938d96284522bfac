// Package apidocs has the API's description, OpenAPI 3.1 written by hand, and shows it as a page.
package apidocs
