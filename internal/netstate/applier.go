package netstate

import "context"

// Applier carries out desired states. Apply is idempotent: applying the same state twice does nothing the
// second time. It returns when the state is live in the data plane, except for what Result names;
// an error means that nothing can be said about what is live.
type Applier interface {
	Apply(ctx context.Context, want *State) (Result, error)
}

// Result says what became of an applied State.
type Result struct {
	// Failures are the objects that are not live, sorted by Module, then Port.
	Failures []Failure
	// Unfinished: Apply has taken its time, and the next one goes on where it stopped. Pending are the ports that are not live until then.
	Unfinished bool
	Pending    []PortID
}

// PortID names a port.
type PortID struct {
	Module string // Module.ID
	Port   string // Port.Name
}

// Failure is one object of a State that could not be carried out; all others are live.
type Failure struct {
	Module string // Module.ID; "" for the tunnel and nodes
	Port   string // Port.Name; "" for the module itself
	Err    error
	// Former are the ports of a failed module that are live nevertheless, by Port.Name, as they were carried out last.
	Former []string
}
