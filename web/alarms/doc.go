// Package alarms remembers what is wrong with a server, since when, and what was wrong before.
//
// The owner of a [Book] looks at the server from time to time and has the book observe the conditions that it finds. A
// condition that was not there before raises an alarm. The alarm is cleared when the condition has been absent for a
// while, so that one which comes and goes is one alarm. There is at most one active alarm of each kind.
package alarms
