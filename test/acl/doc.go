// Package acl tests access control lists from the Northbound database to the packet, with real senders.
package acl
