// Package golden tests ingest and compile together: rows of the databases in, the text of the node's state and the
// problems out.
package golden
