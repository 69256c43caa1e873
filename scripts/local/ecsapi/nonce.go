package ecsapi

import (
	"crypto/sha256"
	"sync"
	"time"
)

// nonces remembers which nonces were used. A request is refused as stale 15
// minutes after its time stamp, which may itself be 15 minutes ahead, so a
// nonce must be known for 30 minutes; two generations of that length do it.
// A full generation is retired early, which bounds the memory: the last limit
// nonces are always known.
type nonces struct {
	mu           sync.Mutex
	limit        int
	since        time.Time
	young, older map[[16]byte]struct{}
}

const nonceLife = 2 * maxSkew

func newNonces(limit int) *nonces {
	return &nonces{limit: limit, young: map[[16]byte]struct{}{}}
}

// use reports whether the nonce of this access key is new, and remembers it.
func (n *nonces) use(accessKeyID, nonce string, now time.Time) bool {
	var key [16]byte
	sum := sha256.Sum256([]byte(accessKeyID + "\x00" + nonce))
	copy(key[:], sum[:])

	n.mu.Lock()
	defer n.mu.Unlock()
	n.rotate(now)
	if _, used := n.young[key]; used {
		return false
	}
	if _, used := n.older[key]; used {
		return false
	}
	n.young[key] = struct{}{}
	return true
}

func (n *nonces) rotate(now time.Time) {
	age := now.Sub(n.since)
	if age < nonceLife && len(n.young) < n.limit {
		return
	}
	n.older = n.young
	if age >= 2*nonceLife {
		n.older = nil
	}
	n.young = map[[16]byte]struct{}{}
	n.since = now
}
