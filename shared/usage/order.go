package usage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// Order is by what instances are put in order: behind, endOfLife or createdAt, with
// a - before it the other way round. Empty is by account, region and id, which is
// also what decides between equals.
type Order string

// Position is where an instance stands in an order.
type Position struct {
	// Key sorts like what the order goes by; empty if that is not known, which comes
	// last in either direction.
	Key     string           `json:"k,omitempty"`
	Account image.AccountID  `json:"a"`
	Region  image.RegionID   `json:"r"`
	ID      image.InstanceID `json:"i"`
}

// At is the position of an instance.
func (o Order) At(s Server) Position {
	p := Position{Account: s.Account, Region: s.Region, ID: s.ID}
	switch strings.TrimPrefix(string(o), "-") {
	case "behind":
		if s.Behind >= 0 {
			p.Key = fmt.Sprintf("%09d", s.Behind)
		}
	case "endOfLife":
		if s.Lifetime != nil {
			p.Key = s.Lifetime.Ends.UTC().Format(time.DateOnly)
		}
	case "createdAt":
		if !s.CreatedAt.IsZero() {
			p.Key = s.CreatedAt.UTC().Format(time.RFC3339)
		}
	}
	return p
}

// Compare tells which of two positions comes first, as cmp.Compare does.
func (o Order) Compare(a, b Position) int {
	key := cmp.Compare(a.Key, b.Key)
	switch {
	case (a.Key == "") != (b.Key == ""):
		key = -key
	case strings.HasPrefix(string(o), "-"):
		key = -key
	}
	return cmp.Or(key, cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}

// Sort puts instances in order.
func (o Order) Sort(servers []Server) {
	slices.SortFunc(servers, func(a, b Server) int { return o.Compare(o.At(a), o.At(b)) })
}
