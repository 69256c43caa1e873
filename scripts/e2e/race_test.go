//go:build race

package e2e_test

// raceDetector tells whether this build has it.
const raceDetector = true
