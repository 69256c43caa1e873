// Package usage tells what would break if an image went: who runs it, launches
// it, scales out with it or builds on it. "Not in use" is a claim that needs
// proof: an empty answer counts only where the permission to see was shown and
// nothing contradicts it. Whatever is not proven is unknown, with its cause and
// the permission that would cure it.
package usage

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Verdict is what is known about the use of an image.
type Verdict string

// The verdicts.
const (
	InUse    Verdict = "inUse"
	NotInUse Verdict = "notInUse"
	Unknown  Verdict = "unknown"
)

// Kind is how an image is used.
type Kind string

// The kinds of use.
const (
	ByInstance      Kind = "instance"             // a system disk runs it
	ByDisk          Kind = "disk"                 // a system disk was made from it, and its instance was not listed
	ByTemplate      Kind = "launchTemplate"       // a version of a launch template names it
	ByScaling       Kind = "scalingConfiguration" // a scaling group starts instances from it
	ByPipeline      Kind = "imagePipeline"        // a pipeline builds on it
	BySharedStorage Kind = "sharedSnapshot"       // another image stands on one of its snapshots
	ByCommunity     Kind = "communityPublication" // anyone in the region may use it, unseen
)

// Breakage is what no longer works once the image is gone.
type Breakage string

// The breakages.
const (
	CannotReinitialise Breakage = "cannotReinitialise" // ReInitDisk fails; the instance itself runs on
	CannotLaunch       Breakage = "cannotLaunch"       // RunInstances from the template fails
	CannotScaleOut     Breakage = "cannotScaleOut"     // the scaling group starts nothing any more
	CannotBuild        Breakage = "cannotBuild"        // the pipeline fails
	LosesSnapshot      Breakage = "losesSnapshot"      // the other image, if the snapshots go too
	UsersUnknown       Breakage = "usersUnknown"       // whoever uses it cannot be seen
)

// Use is one thing that uses an image.
type Use struct {
	Account image.AccountID `json:"accountId"`
	Region  image.RegionID  `json:"regionId"`
	Kind    Kind            `json:"kind"`
	// ID: of the thing that uses it.
	ID string `json:"id"`
	// Name: its name.
	Name   string   `json:"name,omitempty"`
	Breaks Breakage `json:"breaks"`
	// Sentence: for people.
	Sentence string `json:"sentence"`
}

// Consumer is the verdict about one account.
type Consumer struct {
	Account image.AccountID `json:"accountId"`
	Verdict Verdict         `json:"verdict"`
	// Uses: what uses it there.
	Uses []Use `json:"uses"`
	// Why holds the proof of NotInUse, or the causes of Unknown.
	Why []image.Reason `json:"reasons"`
	// Causes are why something may be there that was not seen; there are none
	// where everything was proven.
	Causes []Cause `json:"causes,omitempty"`
	// Cures are the permissions that would turn Unknown into an answer.
	Cures []string `json:"cures,omitempty"`
}

// Cause is one reason of Unknown, and what cures it.
type Cause struct {
	image.Reason
	// Permission is the RAM action that is missing; empty if none would help.
	Permission string `json:"permission,omitempty"`
}

// Report is the verdict about an image.
type Report struct {
	Image     image.Ref  `json:"image"`
	Verdict   Verdict    `json:"verdict"`
	Consumers []Consumer `json:"consumers"`
	// SharedWith are the accounts that may use it; that alone is not use.
	SharedWith []image.Grant  `json:"-"`
	Why        []image.Reason `json:"reasons"`
	// Causes are those of Unknown that are no consumer's.
	Causes []Cause `json:"-"`
}

// Judge decides about an image from what was observed. Its answer has one
// consumer for the owner, one for each account it is shared with, and one for each
// other account that runs it all the same or of which that is not known; of an
// image whose owner is not looked at, one for each account that was. What ECS says
// of an image's use (Usage) can speak against "not in use", and never for it.
func Judge(o Observation) Report {
	r := Report{Image: o.Image.Ref, SharedWith: o.Grants}
	seen := map[image.AccountID]bool{}
	for _, v := range o.Views {
		c := judge(o, v)
		if !v.Other || c.Verdict != NotInUse {
			seen[v.Account] = true
			r.Consumers = append(r.Consumers, c)
		}
	}
	for _, g := range o.Grants {
		if !seen[g.Account] {
			seen[g.Account] = true
			r.Consumers = append(r.Consumers, unseen(g.Account))
		}
	}
	if owner := ownerOf(o.Image); owner != "" && !seen[owner] {
		r.Consumers = append(r.Consumers, unseen(owner))
	}
	slices.SortFunc(r.Consumers, func(a, b Consumer) int { return cmp.Compare(a.Account, b.Account) })
	r.Causes = causes(o)
	r.Verdict, r.Why = overall(r.Consumers, r.Causes)
	return r
}

// unseen: an account that may use it, and of which nothing was looked at.
func unseen(a image.AccountID) Consumer {
	why := image.Reason{Code: "accountNotRead", Sentence: "account " + string(a) + " may use the image, and nothing of that account could be read"}
	cure := "sts:AssumeRole of a reading role in account " + string(a) + ", named in ACCOUNTS"
	return Consumer{Account: a, Verdict: Unknown, Uses: []Use{}, Why: []image.Reason{why}, Causes: []Cause{{why, cure}}, Cures: []string{cure}}
}

// ownerOf is the account that owns an image; empty for public and Marketplace
// images, whose owner is no consumer.
func ownerOf(i image.Image) image.AccountID {
	if i.Kind == image.KindCustom {
		return i.Account
	}
	if i.Kind == image.KindPublic || i.Kind == image.KindMarketplace {
		return ""
	}
	return i.Owner
}

// causes are why not everybody who may use the image is known.
func causes(o Observation) []Cause {
	var found []Cause
	if o.GrantsUnread != nil {
		found = append(found, Cause{image.Reason{
			Code: "granteesNotReadable", Sentence: "whom the image is shared with could not be read: " + o.GrantsUnread.Sentence,
		}, o.GrantsUnread.Permission})
	}
	for _, u := range o.Closed {
		found = append(found, Cause{image.Reason{
			Code: "accountNotRead", Sentence: strings.TrimSpace("account "+string(u.Account)) + " could not be looked at, and may run the image: " + u.Sentence,
		}, u.Permission})
	}
	if o.Image.Kind != image.KindCustom {
		return append(found, othersUnseen(o.Image))
	}
	if o.GrantsUnread == nil && o.Image.SharedOut == image.Yes && len(o.Grants) == 0 {
		found = append(found, Cause{Reason: image.Reason{
			Code: "grantsContradict", Sentence: "ECS marks the image as shared (IsSelfShared), but lists no account it is shared with",
		}})
	}
	return found
}

// overall: any use is use; else any unknown is unknown.
func overall(consumers []Consumer, causes []Cause) (Verdict, []image.Reason) {
	var unknown, used []image.Reason
	for _, c := range consumers {
		switch c.Verdict {
		case InUse:
			used = append(used, image.Reason{Code: "usedBy", Sentence: "account " + string(c.Account) + " uses it: " + c.Uses[0].Sentence})
		case Unknown:
			unknown = append(unknown, c.Why...)
		}
	}
	for _, c := range causes {
		unknown = append(unknown, c.Reason)
	}
	switch {
	case len(used) > 0:
		return InUse, used
	case len(unknown) > 0:
		return Unknown, unknown
	}
	return NotInUse, []image.Reason{{Code: "provenUnused", Sentence: "every account that may use it was looked at, with proof that it would have shown"}}
}

// othersUnseen: only its owner can tell who else may use an image.
func othersUnseen(i image.Image) Cause {
	if owner := ownerOf(i); owner != "" {
		return Cause{
			image.Reason{Code: "ownerNotRead", Sentence: "account " + string(owner) + " owns it; whom else it is shared with cannot be seen from here"},
			"sts:AssumeRole of a reading role in account " + string(owner) + ", named in ACCOUNTS",
		}
	}
	return Cause{Reason: image.Reason{Code: "everybody", Sentence: "everybody may use a " + string(i.Kind) + " image, and the use of other accounts cannot be seen"}}
}
