package ecsapi

import "time"

// Nonces is the store of used nonces, for the test of its bounds.
type Nonces struct{ *nonces }

// NewNonces returns a store whose generations hold limit nonces.
func NewNonces(limit int) Nonces { return Nonces{newNonces(limit)} }

// Use is use.
func (n Nonces) Use(key, nonce string, now time.Time) bool { return n.use(key, nonce, now) }

// Held is how many nonces are remembered.
func (n Nonces) Held() int { return len(n.young) + len(n.older) }
