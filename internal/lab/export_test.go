package lab

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
