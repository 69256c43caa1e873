package alicloud

import (
	"context"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// quotaRow is a quota of Quota Center on the wire.
type quotaRow struct {
	image.Quota
	code, name string
	region     image.RegionID
	dimensions []string
	period     int
	unit       string
	// sized: TotalQuota was said.
	sized bool
}

// quotaFields reads ListProductQuotas' and GetProductQuota's Quota.
func quotaFields() fields[quotaRow] {
	period := fields[quotaRow]{
		"PeriodValue": func(s *scanner, q *quotaRow) { q.period = s.count() },
		"PeriodUnit":  func(s *scanner, q *quotaRow) { q.unit = s.word() },
	}
	return fields[quotaRow]{
		"QuotaActionCode": func(s *scanner, q *quotaRow) { q.code = s.str() },
		"QuotaName":       func(s *scanner, q *quotaRow) { q.name = s.str() },
		"TotalQuota":      func(s *scanner, q *quotaRow) { q.Total, q.sized = s.fraction(), true },
		"TotalUsage":      func(s *scanner, q *quotaRow) { q.Used = s.fraction() },
		"Consumable":      func(s *scanner, q *quotaRow) { q.Consumable = s.flag() },
		"Period":          func(s *scanner, q *quotaRow) { period.read(s, q) },
		"Dimensions": func(s *scanner, q *quotaRow) {
			s.object(func(key []byte) {
				where := string(key) == "regionId"
				value := s.str()
				if q.dimensions = append(q.dimensions, value); where {
					q.region = image.RegionID(value)
				}
			})
		},
	}
}

// LearnQuotas asks Quota Center how many calls of ECS the account really has in a
// region, and paces by that from now on. It tells how many quotas it learnt of. An
// account that may not ask fails with fault.Forbidden, and is paced by what is
// documented. Source: ListProductQuotas QuotaCategory=FlowControl.
func (a Operator) LearnQuotas(ctx context.Context, region image.RegionID) (int, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return 0, err
	}
	rows, err := a.flowControl(account).byToken(ctx, a.Account)
	if err != nil {
		return 0, err
	}
	learnt := 0
	for _, row := range rows {
		if row.region != "" && row.region != region {
			continue
		}
		if n, ok := row.perWindow(); ok {
			for _, action := range row.actions() {
				a.cloud.limits.told(place{account, region, action}, n, time.Now())
				learnt++
			}
		}
	}
	return learnt, nil
}

// flowControl is the listing of the rates of ECS's operations.
func (a *Account) flowControl(account image.AccountID) listing[quotaRow] {
	return listing[quotaRow]{
		operation: "quotas:ListProductQuotas", account: account, size: pageSize,
		shape: shape[quotaRow]{outer: "Quotas", row: quotaFields()},
		request: func(_ int, token string) params {
			return params{
				"ProductCode": "ecs", "QuotaCategory": "FlowControl", "MaxResults": strconv.Itoa(pageSize), "NextToken": token,
			}
		},
		key:   func(q *quotaRow) string { return strings.Join(append(q.dimensions, q.code, q.name), "\n") },
		check: func(*quotaRow) error { return nil },
	}
}

// perWindow is how many calls a window has, by a rate that counts over no longer.
func (q quotaRow) perWindow() (int, bool) {
	unit := map[string]time.Duration{"": time.Minute, "second": time.Second, "minute": time.Minute}[strings.ToLower(q.unit)]
	period := time.Duration(max(q.period, 1)) * unit
	if unit == 0 || period > window || !q.sized || q.Total < 1 {
		return 0, false
	}
	return int(min(q.Total, 1<<20) * float64(window/period)), true
}

// actions are the words of a row that may be an operation: how a rate names its
// operation is not documented.
func (q quotaRow) actions() []string {
	var found []string
	for _, text := range append(q.dimensions, q.code, q.name) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !letter(byte(min(r, 127))) }) {
			if len(word) > 6 && word[0] >= 'A' && word[0] <= 'Z' && strings.ToLower(word[1:]) != word[1:] {
				found = append(found, word)
			}
		}
	}
	return found
}

// Quota returns how much of something an account may have in a region, by its
// code, such as "q_user-image-count". It fails with fault.NotFound for one that
// there is none of. Source: GetProductQuota.
func (a Operator) Quota(ctx context.Context, in image.RegionID, code string) (image.Quota, error) {
	account, err := a.reading(ctx, in)
	if err != nil {
		return image.Quota{}, err
	}
	row := quotaFields()
	got, err := ask(ctx, a.Account, question[quotaRow]{
		operation: "quotas:GetProductQuota", account: account,
		given:  params{"ProductCode": "ecs", "QuotaActionCode": code, "Dimensions.1.Key": "regionId", "Dimensions.1.Value": string(in)},
		fields: fields[quotaRow]{"Quota": func(s *scanner, q *quotaRow) { row.read(s, q) }},
		whole:  func(q quotaRow) bool { return q.code == code && q.sized },
	})
	return got.Quota, err
}
