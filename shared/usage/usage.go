// Package usage tells what would break if an image went: who runs it, launches
// it, scales out with it or builds on it. "Not in use" is a claim that needs
// proof: an empty answer counts only where the permission to see was shown and
// nothing contradicts it. Whatever is not proven is unknown, with its cause and
// the permission that would cure it.
package usage

import (
	"cmp"
	"slices"

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
	Account  image.AccountID `json:"accountId"`
	Region   image.RegionID  `json:"regionId"`
	Kind     Kind            `json:"kind"`
	ID       string          `json:"id"`
	Name     string          `json:"name,omitempty"`
	Breaks   Breakage        `json:"breaks"`
	Sentence string          `json:"sentence"`
}

// Consumer is the verdict about one account.
type Consumer struct {
	Account image.AccountID `json:"accountId"`
	Verdict Verdict         `json:"verdict"`
	Uses    []Use           `json:"uses"`
	// Why holds the proof of NotInUse, or the causes of Unknown.
	Why []image.Reason `json:"reasons"`
	// Cures are the permissions that would turn Unknown into an answer.
	Cures []string `json:"cures,omitempty"`
}

// Report is the verdict about an image.
type Report struct {
	Image     image.Ref  `json:"image"`
	Verdict   Verdict    `json:"verdict"`
	Consumers []Consumer `json:"consumers"`
	// SharedWith are the accounts that may use it; that alone is not use.
	SharedWith []image.Grant  `json:"-"`
	Why        []image.Reason `json:"reasons"`
}

// Judge decides about an image from what was observed. Its answer has one
// consumer for the owner, and one for each account it is shared with.
func Judge(o Observation) Report {
	r := Report{Image: o.Image.Ref, SharedWith: o.Grants}
	seen := map[image.AccountID]bool{}
	for _, v := range o.Views {
		seen[v.Account] = true
		r.Consumers = append(r.Consumers, judge(o, v))
	}
	for _, g := range o.Grants {
		if !seen[g.Account] {
			seen[g.Account] = true
			r.Consumers = append(r.Consumers, unseen(g.Account))
		}
	}
	if !seen[o.Image.Account] {
		r.Consumers = append(r.Consumers, unseen(o.Image.Account))
	}
	slices.SortFunc(r.Consumers, func(a, b Consumer) int { return cmp.Compare(a.Account, b.Account) })
	r.Verdict, r.Why = overall(o, r.Consumers)
	return r
}

// unseen: an account that may use it, and of which nothing was looked at.
func unseen(a image.AccountID) Consumer {
	return Consumer{Account: a, Verdict: Unknown, Why: []image.Reason{{
		Code: "accountNotRead", Sentence: "account " + string(a) + " may use the image, and nothing of that account could be read",
	}}, Cures: []string{"sts:AssumeRole of a reading role in account " + string(a) + ", named in ACCOUNTS"}}
}

// overall: any use is use; else any unknown is unknown.
func overall(o Observation, consumers []Consumer) (Verdict, []image.Reason) {
	var unknown, used []image.Reason
	for _, c := range consumers {
		switch c.Verdict {
		case InUse:
			used = append(used, image.Reason{Code: "usedBy", Sentence: "account " + string(c.Account) + " uses it: " + c.Uses[0].Sentence})
		case Unknown:
			unknown = append(unknown, c.Why...)
		}
	}
	if o.GrantsUnread != nil {
		unknown = append(unknown, image.Reason{Code: "granteesNotReadable", Sentence: "whom the image is shared with could not be read: " + o.GrantsUnread.Sentence})
	}
	if o.GrantsUnread == nil && o.Image.SharedOut == image.Yes && len(o.Grants) == 0 {
		unknown = append(unknown, image.Reason{Code: "grantsContradict", Sentence: "ECS marks the image as shared (IsSelfShared), but lists no account it is shared with"})
	}
	switch {
	case len(used) > 0:
		return InUse, used
	case len(unknown) > 0:
		return Unknown, unknown
	}
	return NotInUse, []image.Reason{{Code: "provenUnused", Sentence: "every account that may use it was looked at, with proof that it would have shown"}}
}
