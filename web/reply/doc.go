// Package reply reads what requests say and writes what they are answered: bodies within a quota, queries, JSON, pages, and
// faults, which are errors with a status, a stable code and a safe sentence. It imports no other package of the server.
package reply
