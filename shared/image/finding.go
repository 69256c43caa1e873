package image

// Level says what a finding does to a plan.
type Level string

// The levels: a fatal finding keeps the plan from being applied, a warning does
// not.
const (
	Fatal   Level = "fatal"
	Warning Level = "warning"
)

// Finding is what a check before the first call objects to, and what cures it.
type Finding struct {
	// Level: fatal, nothing can be done; or warning.
	Level Level `json:"level"`
	Reason
	// Remedy: what to do, where something can be done.
	Remedy string `json:"remedy,omitempty"`
}
