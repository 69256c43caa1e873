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

// Kinds are the kinds of values that the tables of all operations name, with
// the parameters that have them.
func Kinds() map[string][]string {
	kinds := map[string][]string{}
	for _, op := range operations() {
		for _, row := range op.takes {
			kinds[string(row.kind)] = append(kinds[string(row.kind)], op.name+" "+row.name)
		}
	}
	return kinds
}
