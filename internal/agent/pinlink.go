package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pinLink is the name of a symbolic link in the run directory to the pins, for tools that work without an agent.
const pinLink = "bpffs"

// BPFFS is where the agent that has a run directory, or had it last, has its pins.
func BPFFS(runDir string) (string, error) {
	dir, err := os.Readlink(filepath.Join(runDir, pinLink))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no agent has run with the run directory %s: name that of one by --run-dir, or its pins by --bpffs", runDir)
	}
	if err != nil {
		return "", fmt.Errorf("find pins: %w", err)
	}
	return dir, nil
}

// linkPins makes the link. The run directory is ours alone, by its lock.
func linkPins(runDir, bpffs string) error {
	dir, err := filepath.Abs(bpffs)
	if err != nil {
		return fmt.Errorf("link pins: %w", err)
	}
	if err := unlinkPins(runDir); err != nil {
		return err
	}
	if err := os.Symlink(dir, filepath.Join(runDir, pinLink)); err != nil {
		return fmt.Errorf("link pins: %w", err)
	}
	return nil
}

// unlinkPins removes the link; removing the absent is success.
func unlinkPins(runDir string) error {
	if err := os.Remove(filepath.Join(runDir, pinLink)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unlink pins: %w", err)
	}
	return nil
}
