// Package faults proves what Woven promises about things that break: agents and databases that are killed, rows that
// others delete or fill with garbage, devices and ports that vanish under traffic. Loss is counted packet by packet
// (test/traffic), and flaps of a port are read from the databases' own logs (watch).
package faults
