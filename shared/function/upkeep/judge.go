package upkeep

import (
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/usage"
)

// Judge tells who uses an image, in the words of usage, by what each account of its
// region shows of it.
func Judge(s *retention.Subject, grantsUnread *image.Unread, siblings []image.Image, there []*retention.Ledger, closed []image.Unread) retention.Use {
	o := usage.Observation{Image: s.Image, Siblings: usage.Part[image.Image]{Found: siblings}, GrantsUnread: grantsUnread, Closed: closed}
	for _, a := range s.Grants {
		o.Grants = append(o.Grants, image.Grant{Account: a})
	}
	for _, l := range there {
		if l.Account == s.Account {
			o.Siblings.Unread = l.Unread.Images
		}
		o.Views = append(o.Views, view(s, l))
	}
	r := usage.Judge(o)
	use := retention.Use{Why: r.Why}
	switch r.Verdict {
	case usage.InUse:
		use.Verdict = retention.InUse
	case usage.NotInUse:
		use.Verdict = retention.NotInUse
	}
	return use
}

// view is what one account shows of an image.
func view(s *retention.Subject, l *retention.Ledger) usage.View {
	one, u := l.Of(s.ID), l.Unread
	v := usage.View{
		Account: l.Account, Image: one.Row, MaySee: l.MaySee, Other: !mayUse(s, l.Account),
		Instances:   usage.Part[image.Instance]{Found: one.Instances, Unread: u.Instances},
		SystemDisks: usage.Part[image.Disk]{Found: one.Disks, Unread: u.Disks},
	}
	if v.Other { // a template of it is broken already
		return v
	}
	v.Templates = usage.Part[image.TemplateVersion]{Found: one.Templates, Unread: u.Templates}
	v.Scaling = usage.Part[image.ScalingConfiguration]{Found: one.Scaling, Unread: u.Scaling}
	v.Pipelines = usage.Part[image.Pipeline]{Found: one.Pipelines, Unread: u.Pipelines}
	return v
}

// mayUse: the account owns the image, or it is shared with it, was until the quarantine,
// or that is not known.
func mayUse(s *retention.Subject, account image.AccountID) bool {
	return account == s.Account || !s.GrantsKnown || slices.Contains(s.Grants, account) || slices.Contains(s.Suspended, account)
}
