// Package compat has the faces of other systems, as other ways to the same log: a member's notifications, a room's messages, a
// clock, and the pages that show them. Each is a dialect of the API's streams.
package compat
