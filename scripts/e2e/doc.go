// Package e2e holds the tests of the whole: the functions as they are deployed,
// started from s.yaml behind the runtime API, about an emulated cloud that lies,
// stalls and dies. It has no code of its own beside its tests.
package e2e
