package main

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
)

// longestPricing is how long a plan waits for prices. What cannot be told by then is
// not known.
const longestPricing = 15 * time.Second

// price adds what a plan costs: licences as price tells them, and the backups.
func (s *session) price(ctx context.Context, all *survey.Survey, wish rollout.Wish, p *rollout.Planned, o rollout.Observed) {
	charged := p.Charged()
	if len(charged) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, longestPricing)
	defer cancel()
	prices := quoting.Prices{Rates: s.rates, Site: s.config.Site, Now: s.now}
	var subjects []pricing.Subject
	at := map[subject]int{}
	of := func(c rollout.Charged, i *image.Image) int {
		if i == nil {
			return -1
		}
		key := subject{c.Account, i.Ref, c.Type}
		if _, known := at[key]; !known {
			at[key] = len(subjects)
			subjects = append(subjects, pricing.Subject{Image: *i, Instance: pricing.InstanceOf(c.Type, vcpus(o, c)), Account: c.Account})
		}
		return at[key]
	}
	type pair struct{ before, after int }
	pairs := map[rollout.Name]pair{}
	for _, c := range charged {
		pairs[c.Name] = pair{of(c, c.Before), of(c, c.After)}
	}
	priced := prices.Licences(ctx, all, subjects)
	fees := map[rollout.Name]rollout.Fee{}
	for name, p := range pairs {
		var f rollout.Fee
		for _, n := range []int{p.before, p.after} {
			if n < 0 {
				f.Why = append(f.Why, image.Reason{Code: "imageNotSeen", Sentence: "its image is not visible, so neither is what its licence costs"})
			} else {
				f.Why = append(f.Why, priced.Of[n].Unknown()...)
			}
		}
		if p.before >= 0 {
			f.Before = priced.Of[p.before].Amount
		}
		if p.after >= 0 {
			f.After = priced.Of[p.after].Amount
		}
		fees[name] = f
	}
	p.Price(wish, fees, s.stores(charged, wish, priced.Sites))
}

// codeRemoved is what DescribePrice says of an image with a product that is not sold any
// more, which ReplaceSystemDisk refuses and no list shows.
const codeRemoved = "ImageRemovedInMarket"

// sold takes targets away whose Marketplace product was removed: whether it was, only a
// price tells, which is asked for one instance of each place.
func (s *session) sold(ctx context.Context, all *survey.Survey, o rollout.Observed, targets map[rollout.Place]rollout.Resolved) {
	var subjects []pricing.Subject
	var places []rollout.Place
	for _, one := range o.Servers {
		i := targets[one.Place].Image
		if i == nil || i.ProductCode == "" || one.Type == nil || slices.Contains(places, one.Place) {
			continue
		}
		places = append(places, one.Place)
		subjects = append(subjects, pricing.Subject{Image: *i, Instance: pricing.InstanceOf(one.Type.ID, one.Type.VCPUs), Account: one.Account})
	}
	if len(subjects) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, longestPricing)
	defer cancel()
	priced := quoting.Prices{Rates: s.rates, Site: s.config.Site, Now: s.now}.Licences(ctx, all, subjects)
	for n, at := range places {
		if slices.ContainsFunc(priced.Of[n].Unknown(), func(r image.Reason) bool { return r.Code == codeRemoved }) {
			targets[at] = rollout.Resolved{Why: rollout.ProductRemoved(subjects[n].Image)}
		}
	}
}

// subject is what is priced once: an image on a type, for an account.
type subject struct {
	account image.AccountID
	image   image.Ref
	kind    image.InstanceTypeID
}

// vcpus are those of an instance's type; 0: not known.
func vcpus(o rollout.Observed, c rollout.Charged) int {
	for _, one := range o.Servers {
		if one.Name == c.Name && one.Type != nil {
			return one.Type.VCPUs
		}
	}
	return 0
}

// stores are what the backups of each place cost, by the rates of snapshots.
func (s *session) stores(charged []rollout.Charged, wish rollout.Wish, sites map[image.AccountID]pricing.Site) []rollout.Store {
	sizes := map[rollout.Place]int{}
	var places []rollout.Place
	for _, c := range charged {
		if sizes[c.Place] == 0 {
			places = append(places, c.Place)
		}
		sizes[c.Place] += c.DiskGiB
	}
	var all []rollout.Store
	for _, at := range places {
		site := sites[at.Account]
		if site == "" {
			site = s.config.Site
		}
		quote, err := pricing.Price(pricing.Question{
			Image:    image.Image{Ref: image.Ref{Account: at.Account, Region: at.Region, ID: "m-backup"}, Kind: image.KindCustom},
			Instance: pricing.Instance{None: true}, Charge: pricing.Charge{Method: pricing.PayAsYouGo}, Site: site,
			Duration: pricing.Whole(int64(time.Duration(wish.Filled().Backup.Keep) / time.Second)),
			Storage:  pricing.Storage{Read: true, Snapshots: []pricing.Snapshot{{ID: "s-backup", DiskGiB: sizes[at]}}},
		}, s.rates.At(s.now()))
		if err != nil {
			all = append(all, rollout.Store{Why: []image.Reason{{Code: "notPriced", Sentence: "what the backups cost could not be worked out"}}})
			continue
		}
		all = append(all, storeOf(quote))
	}
	return all
}

func storeOf(q pricing.Quote) rollout.Store {
	for i := range q.Lines {
		l := &q.Lines[i]
		switch {
		case l.Item != pricing.SnapshotStorage:
		case l.Amount != nil:
			return rollout.Store{Lower: l.Amount, Upper: l.Amount}
		default:
			return rollout.Store{Lower: l.Lower, Upper: l.Upper, Why: l.Unknown}
		}
	}
	return rollout.Store{Why: []image.Reason{{Code: "notPriced", Sentence: "what the backups cost could not be worked out"}}}
}

// perMinute is how many replacements a minute the share of the account's quota
// allows: of all the calls of one the fewest are of this.
func (s *session) perMinute() float64 {
	return float64(alicloud.DocumentedRate("ReplaceSystemDisk")) * s.config.RateShare
}
