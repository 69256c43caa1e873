// Package trials puts the functions that change things through what must not
// harm them: the binary that is deployed, as a process of its own behind a
// runtime API and in front of the local cloud, is killed, frozen, doubled and
// lied to at every call it makes. It has tests only. Each run takes some of the
// calls and rounds, others each time; TRIALS=full, which `make trials` sets, takes
// all of them and minutes.
package trials
