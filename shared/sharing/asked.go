package sharing

import (
	"fmt"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Asked is one account that is to have access, as the API takes it.
type Asked struct {
	Account  image.AccountID `json:"accountId" validate:"required,accountid" doc:"The account, a number"`
	Until    *time.Time      `json:"until" doc:"When its access ends, to the second; left out: never"`
	OnExpiry OnExpiry        `json:"onExpiry" validate:"omitempty,oneof=remove removeIfUnused" doc:"What becomes of it then: remove whatever the use, or removeIfUnused; required with until"`
	Reason   string          `json:"reason" validate:"omitempty,oneline" doc:"Why it has access, for people"`
	Replaces image.AccountID `json:"replaces" validate:"omitempty,accountid" doc:"The account in whose place it gets access: that one loses it only once this one has it"`
}

// AskedList are accounts that are to have access.
type AskedList []Asked

// Terms are those of the accounts, times to the second and in UTC. It fails with
// fault.Invalid, naming the field, for a time that would read as none.
func (list AskedList) Terms(field string) ([]Terms, error) {
	var all []Terms
	for n, a := range list {
		terms := Terms{Account: a.Account, OnExpiry: a.OnExpiry, Reason: a.Reason}
		if a.Until != nil {
			if terms.Until = a.Until.UTC().Truncate(time.Second); terms.Until.IsZero() {
				return nil, fault.InField(fmt.Sprintf("%s[%d].until", field, n), "past", "must be in the future")
			}
		}
		all = append(all, terms)
	}
	return all, nil
}

// Replaces has, by account, the one in whose place it gets access.
func (list AskedList) Replaces() map[image.AccountID]image.AccountID {
	by := map[image.AccountID]image.AccountID{}
	for _, a := range list {
		if a.Replaces != "" {
			by[a.Account] = a.Replaces
		}
	}
	return by
}
