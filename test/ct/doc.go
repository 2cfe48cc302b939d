// Package ct tests connection tracking as operators and workloads meet it, with real senders.
package ct
