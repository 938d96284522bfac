// Package deploy tests the examples in this directory: they parse, every setting in them exists, the
// servers they describe start, and the proxies behave as README.md says.
//
// It is a module of its own, so that the server's go.mod requires neither Helm nor Compose.
package deploy
