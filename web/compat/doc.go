// Package compat has the compatibility APIs on the same log: a member's notifications, a room's messages, a clock, and
// their demo pages. Each is a dialect of the API's streams.
package compat
