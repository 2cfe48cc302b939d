package hostnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// backlogFile is the sysctl net.core.netdev_max_backlog, of all network namespaces together; only the first one shows it.
const backlogFile = "/proc/sys/net/core/netdev_max_backlog"

// RaiseBacklog lets at least that many packets wait for a CPU between two devices, and returns how many might before: 0 where that is not to be
// seen, which is no error. A flood to veths puts all its copies there at once, and the kernel drops what finds no room.
func RaiseBacklog(packets int) (was int, err error) {
	text, err := os.ReadFile(backlogFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		was, err = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if err == nil && was < packets {
		err = os.WriteFile(backlogFile, []byte(strconv.Itoa(packets)), 0)
	}
	if err != nil {
		return was, fmt.Errorf("raise net.core.netdev_max_backlog: %w", err)
	}
	return was, nil
}
