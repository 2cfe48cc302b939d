package lab

import (
	"errors"
	"fmt"
	"os"
)

// Node is one of a lab's network namespaces, for a person to read.
type Node struct {
	Name string
	// Kind is central, woven, stock or vm.
	Kind      string
	Namespace string
	Addresses []string
	// Hypervisor, Device and Port say where a VM is plugged; empty for other nodes.
	Hypervisor, Device, Port string
	// Processes that run in the namespace now.
	Processes []Process
}

// nodes lists central, the hypervisors in order, and the workloads by name. Processes are left out.
func nodes(s *state, vms []*Workload) []Node {
	list := []Node{{Name: central, Kind: central, Addresses: underlayAddresses(centralHost)}}
	for _, hv := range s.Hypervisors {
		list = append(list, Node{Name: hv.Name(), Kind: string(hv.Kind), Addresses: underlayAddresses(hv.host())})
	}
	for _, w := range vms {
		n := Node{Name: w.Name, Kind: "vm", Hypervisor: w.Hypervisor, Device: w.Device(), Port: w.Port}
		for _, a := range w.Addresses {
			n.Addresses = append(n.Addresses, a.String())
		}
		list = append(list, n)
	}
	for i := range list {
		list[i].Namespace = s.Prefix + list[i].Name
	}
	return list
}

func underlayAddresses(host int) []string {
	return []string{fmt.Sprintf(underlay4, host), fmt.Sprintf(underlay6, host)}
}

func kindOf(s *state, hv string) Kind {
	for _, h := range s.Hypervisors {
		if h.Name() == hv {
			return h.Kind
		}
	}
	return ""
}

// Nodes lists the lab's nodes but the underlay.
func (l *Lab) Nodes() ([]Node, error) {
	s, err := readState(l.opts.Dir)
	if err != nil {
		return nil, err
	}
	vms, err := readWorkloads(l.opts.Dir)
	if err != nil {
		return nil, err
	}
	return nodes(s, vms), nil
}

// List lists the nodes of the lab in a directory with what runs there.
func List(dir string) ([]Node, error) {
	l, err := Open(dir)
	if err != nil {
		return nil, err
	}
	list, err := l.Nodes()
	if err != nil {
		return nil, err
	}
	for i, n := range list {
		list[i].Processes, err = processesIn(n.Namespace)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return list, nil
}
