package cloudsim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Random is a seeded source. Cloud.mu guards the one of a running cloud.
type Random struct{ *rand.Rand }

func newRandom(seed uint64, stream string) Random {
	return Random{rand.New(rand.NewPCG(seed, mix(seed, stream)))}
}

// letters returns n characters as they appear in ids.
func (r Random) letters(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// id returns an id as ECS makes them: a type, the region's infix, 17 letters.
func (r Random) id(prefix, infix string) string {
	return prefix + "-" + infix + r.letters(17)
}

// mix makes a number of a seed and a text, always the same.
func mix(seed uint64, text string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for i := range b {
		b[i] = byte(seed >> (8 * i))
	}
	h.Write(b[:])
	h.Write([]byte(text))
	return h.Sum64()
}

// delay is how long the nth change of an object stays unseen: always the same
// for the same seed, object and n, and never more than the bound.
func (c *Cloud) delay(id string, n int) time.Duration {
	if c.options.Visibility <= 0 || c.prompt.Load() {
		return 0
	}
	return time.Duration(mix(c.options.Seed+uint64(n), id) % uint64(c.options.Visibility+1))
}
