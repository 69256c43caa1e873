// Command local is the whole cloud on one machine: the emulated ECS, STS and
// Location APIs, every function of s.yaml behind the runtime API of Function
// Compute, and one gateway in front of them, all on loopback. README.md in
// this folder tells its flags.
package main

import "os"

func main() {
	os.Exit(realMain(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
