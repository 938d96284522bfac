// Package storetest is the conformance suite of [rollcall/hub/outbox.Store].
package storetest
