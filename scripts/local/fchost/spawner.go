package fchost

import (
	"os/exec"
	"runtime"
	"sync"
)

// spawner starts all children from one operating system thread that lives as
// long as it does. On Linux a child asks the kernel to be killed when that
// thread ends, so children die with the host however the host dies.
type spawner struct {
	work chan func()
	done chan struct{}
	once sync.Once
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	for f := range s.work {
		f()
	}
}

// start starts cmd in a process group of its own.
func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = ownGroup()
	result := make(chan error, 1)
	s.work <- func() { result <- cmd.Start() }
	return <-result
}

// close ends the thread; all children must be gone and nobody may start more.
func (s *spawner) close() {
	s.once.Do(func() { close(s.work) })
	<-s.done
}
