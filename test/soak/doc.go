// Package soak has a test of many ports that come, go and move for a long time: no packet is lost, nothing leaks, and the end is as a fresh
// start. Without WOVEN_SOAK, a time such as 30m, it is short and small.
package soak
