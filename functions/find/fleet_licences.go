package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/usage"
)

// mayListTypes is the permission that shows how many vCPUs a type has.
const mayListTypes = "ecs:DescribeInstanceTypes"

// runs is what instances have in common whose licence costs the same.
type runs struct {
	account  image.AccountID
	region   image.RegionID
	image    image.ID
	instance pricing.Instance
}

// licencesOf prices what servers run: once for all that run the same image on the
// same type. It returns one licence for each, in their order, and what could not
// be read, if that may be why one is not known.
func (h handler) licencesOf(ctx context.Context, a *atlas, servers []usage.Server) ([]*licence, []image.Unread) {
	sizes, unread := a.sizes(ctx, servers)
	told := make([]*licence, len(servers))
	at := map[runs]int{}
	var subjects []pricing.Subject
	for n := range servers {
		s := &servers[n]
		if s.Image == nil {
			told[n] = notSeen(s.Why)
			continue
		}
		k := runs{s.Account, s.Region, s.Image.ID, sizes.of(s)}
		if _, known := at[k]; !known {
			at[k] = len(subjects)
			subjects = append(subjects, pricing.Subject{Image: *s.Image, Instance: k.instance, Account: s.Account})
		}
	}
	priced := h.licences(ctx, a, subjects)
	rows := make([]*licence, len(subjects))
	for n, l := range priced.Of {
		rows[n] = newLicence(l)
	}
	for n := range servers {
		if s := &servers[n]; told[n] == nil {
			told[n] = rows[at[runs{s.Account, s.Region, s.Image.ID, sizes.of(s)}]]
		}
	}
	if !priced.lacking() {
		return told, nil
	}
	return told, inOrder(slices.Concat(priced.unread, unread))
}

// notSeen is the licence of an image that cannot be seen any more.
func notSeen(why image.Reason) *licence {
	if why.Code != "imageNotSeen" { // a public image that is not offered any more still has versions
		why = image.Reason{Code: "imageNotSeen", Sentence: "its image is not visible, so neither is what its licence costs"}
	}
	return &licence{Lines: []licenceLine{}, Unknown: []image.Reason{why}}
}

// sizes are the types that instances have in each place.
type sizes map[typeAt]image.InstanceType

type typeAt struct {
	account image.AccountID
	region  image.RegionID
	id      image.InstanceTypeID
}

// sizes reads the types of servers: one list for each place.
func (a *atlas) sizes(ctx context.Context, servers []usage.Server) (sizes, []image.Unread) {
	wanted := map[image.Ref]map[image.InstanceTypeID]bool{}
	for n := range servers {
		s := &servers[n]
		at := image.Ref{Account: s.Account, Region: s.Region}
		if wanted[at] == nil {
			wanted[at] = map[image.InstanceTypeID]bool{}
		}
		wanted[at][s.Type] = s.Type != ""
	}
	found := sizes{}
	missed := &atlas{}
	var mu sync.Mutex
	a.each(func(p place) {
		ids := slices.Sorted(maps.Keys(wanted[image.Ref{Account: p.account, Region: p.region}]))
		if ids = slices.DeleteFunc(ids, func(id image.InstanceTypeID) bool { return id == "" }); len(ids) == 0 {
			return
		}
		types, err := p.reader.InstanceTypes(ctx, p.region, ids)
		if err != nil {
			missed.missed(image.Unread{Account: p.account, Region: p.region}, err, mayListTypes)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, t := range types {
			found[typeAt{p.account, p.region, t.ID}] = t
		}
	})
	return found, missed.unread
}

// of is the instance as its licence is charged. Its number of vCPUs is that of
// its type, unless its CPU options were modified.
func (z sizes) of(s *usage.Server) pricing.Instance {
	i := pricing.InstanceOf(s.Type, z[typeAt{s.Account, s.Region, s.Type}].VCPUs)
	if s.VCPUs != i.VCPUs && i.VCPUs != 0 {
		i.ActiveVCPUs = s.VCPUs
	}
	return i
}

// chargeReasons say where a server's licence is not charged by the hour.
func chargeReasons(s usage.Server) []image.Reason {
	switch {
	case s.ChargeType == "PrePaid":
		return []image.Reason{{Code: "licenceBySubscription", Sentence: "it is a subscription, which pays its licence by the period; licencePerHour is what pay-as-you-go costs"}}
	case s.Status == image.InstanceStopped && s.StoppedMode == string(pricing.StopCharging):
		return []image.Reason{{Code: "licencePaused", Sentence: "it is stopped in economical mode, in which its operating system is not charged; licencePerHour is what it costs while it runs"}}
	}
	return nil
}
