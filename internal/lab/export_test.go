package lab

// Ended is closed when a service's process has ended.
func (l *Lab) Ended(name string) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.service(name)
	if err != nil {
		return nil, err
	}
	return s.child.ended.Done(), nil
}

// Supervisor returns the process ID of a lab's supervisor.
func Supervisor(dir string) (int, error) {
	s, err := readState(dir)
	if err != nil {
		return 0, err
	}
	return s.Supervisor, nil
}

var SignalAndWait = signalAndWait

var (
	WriteWorkload = writeWorkload
	ReadWorkloads = readWorkloads
)
