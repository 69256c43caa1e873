// Package trials puts the functions that change things through what must not
// harm them: the binary that is deployed, as a process of its own behind a
// runtime API and in front of the local cloud, is killed, frozen, doubled and
// lied to at every call it makes. It has tests only, which take minutes: they run
// with `go test -tags trials ./scripts/trials`.
package trials
