// Package explain tests what operators ask of a node about ACLs, routes and policies: woven explain, woven trace and woven acl.
package explain
