package usage

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
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

// placed is an instance and its position, which is made once.
type placed struct {
	at     Position
	server Server
}

// Sort puts instances in order. Those that are in the order of their places stay as
// they are where nothing else is asked for.
func (o Order) Sort(servers []Server) {
	if o == "" && slices.IsSortedFunc(servers, byPlace) {
		return
	}
	all := make([]placed, len(servers))
	for n, s := range servers {
		all[n] = placed{o.At(s), s}
	}
	slices.SortFunc(all, func(a, b placed) int { return o.Compare(a.at, b.at) })
	for n := range all {
		servers[n] = all[n].server
	}
}

// byPlace is the order by account, region and id.
func byPlace(a, b Server) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}

// Cursor is where a list of instances goes on: behind a position, in which order.
type Cursor struct {
	By Order    `json:"by,omitempty"`
	At Position `json:"at"`
}

// ParseCursor reads a cursor of an order; nil for none. It fails with fault.Invalid.
func ParseCursor(text string, by Order) (*Position, error) {
	if text == "" {
		return nil, nil
	}
	var c Cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.At.ID == "" || c.By != by {
		return nil, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API, or of another order")
	}
	return &c.At, nil
}

// Page puts instances in order and returns at most so many of those behind a position,
// and the cursor for the rest; empty if there is none.
func (o Order) Page(servers []Server, after *Position, most int) (shown []Server, next string) {
	o.Sort(servers)
	if after != nil {
		at, there := slices.BinarySearchFunc(servers, *after, func(s Server, p Position) int { return o.Compare(o.At(s), p) })
		if there {
			at++
		}
		servers = servers[at:]
	}
	if len(servers) <= most {
		return servers, ""
	}
	text, _ := json.Marshal(Cursor{o, o.At(servers[most-1])}) // it always can be
	return servers[:most], base64.RawURLEncoding.EncodeToString(text)
}
