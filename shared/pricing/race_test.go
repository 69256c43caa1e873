//go:build race

package pricing_test

// raceDetector tells whether this build has it.
const raceDetector = true
