// Package slowpath tests end to end what the agent does with punted packets: learned addresses, IP multicast.
package slowpath
