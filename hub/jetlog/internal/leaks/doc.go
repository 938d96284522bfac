// Package leaks looks for goroutines that the tests of a package leave behind.
package leaks
