// Package storetest has what any [rollcall/hub/outbox.Store] must do, as tests.
package storetest
