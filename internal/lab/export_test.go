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
