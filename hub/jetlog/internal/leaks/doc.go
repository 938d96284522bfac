// Package leaks fails a package's tests if they leave goroutines running.
package leaks
