// Package client serves the browser module, /rollcall.js. The npm package has its source files one by one; this package
// joins them into one file.
package client
