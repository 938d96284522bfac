// Package reply reads requests and writes answers: bodies within a quota, queries, JSON, pages, and
// faults. A fault is an error with a status, a stable code and a safe sentence.
package reply
