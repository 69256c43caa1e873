//go:build unix && !linux

package fchost

import "syscall"

// ownGroup gives a child its own process group. Nothing kills it when the host
// is killed with SIGKILL on this system: its runtime API is gone then.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// peakMemory is not known on this system while the process runs.
func peakMemory(int) int64 { return 0 }

// rusageUnit is the unit of Maxrss: Darwin counts bytes.
const rusageUnit = 1
