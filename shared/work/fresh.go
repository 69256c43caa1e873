package work

// Fresh is where a kind looks.
type Fresh struct{}
