package fchost

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ownGroup gives a child its own process group and has the kernel kill it when
// the thread that started it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// peakMemory returns the most memory the process had resident, in bytes; 0 if
// it is not known.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

// rusageUnit is the unit of Maxrss: Linux counts kilobytes.
const rusageUnit = 1 << 10
