package selection

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Level is how much a finding matters.
type Level string

// The levels.
const (
	// Fatal: no instance can be created from the image now.
	Fatal Level = "fatal"
	// Warning: it works, and something will bite.
	Warning Level = "warning"
	// Note: good to know.
	Note Level = "note"
)

// Finding is one thing to know about an image's health, with what to do about it.
type Finding struct {
	Level Level `json:"level"`
	image.Reason
	// Fix: what to do about it.
	Fix string `json:"fix,omitempty"`
}

// Detail is everything about one image.
type Detail struct {
	Sighting
	Health  []Finding
	Licence Licence
	// LicenceWhy are the reasons of Licence.
	LicenceWhy []image.Reason
	Use        []Snippet
}

// Described is the answer about one image id.
type Described struct {
	Detail
	// Elsewhere are the other places with an image of that id, in order. The
	// answer is ambiguous if there are any: public images have the same id in
	// every region.
	Elsewhere []image.Ref
	Unread    []image.Unread
}

// Describe tells all about the image with that id. When several regions have
// it, the one in home is shown, else the first in order, and the others are
// named. It fails with fault.NotFound if all was read and there is none, and with
// fault.Unknown if there is none where it could be read.
func Describe(ctx context.Context, s *survey.Survey, id image.ID, home image.RegionID, now time.Time) (Described, error) {
	found, err := s.Among(ctx, id)
	if err != nil {
		return Described{}, err
	}
	var views []Glimpse
	for _, f := range found {
		for n := range f.Views {
			views = append(views, Glimpse{Account: f.Views[n].Account, Region: f.Region, Images: f.Views[n : n+1]})
		}
	}
	sightings := Merge(views)
	slices.SortFunc(sightings, func(a, b Sighting) int {
		return cmp.Or(notIn(home, a)-notIn(home, b), cmp.Compare(a.Region, b.Region))
	})
	d := Described{Detail: DetailOf(sightings[0], now), Unread: s.Unread()}
	for _, other := range sightings[1:] {
		d.Elsewhere = append(d.Elsewhere, other.Ref)
	}
	return d, nil
}

// notIn is 0 for images of a region.
func notIn(home image.RegionID, s Sighting) int {
	if s.Region == home {
		return 0
	}
	return 1
}

// DetailOf decides all there is to say about s from the listing.
func DetailOf(s Sighting, now time.Time) Detail {
	d := Detail{Sighting: s, Health: HealthOf(s, now)}
	d.Licence, d.LicenceWhy = LicenceOf(s.Image)
	if !slices.ContainsFunc(d.Health, func(f Finding) bool { return f.Level == Fatal }) {
		d.Use = UseOf(s, "")
	}
	return d
}

// oldAfter is when an image has missed about four quarterly rounds of patches.
const oldAfter = 365 * 24 * time.Hour

// HealthOf says what speaks for caution with s, the gravest first. An image
// without findings has nothing against it that the listing could tell.
func HealthOf(s Sighting, now time.Time) []Finding {
	findings := slices.Concat(stateFindings(s), sourceFindings(s), contentFindings(s, now))
	rank := []Level{Fatal, Warning, Note}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(rank, a.Level) - slices.Index(rank, b.Level)
	})
	return findings
}

func found(level Level, code, sentence, fix string) Finding {
	return Finding{level, image.Reason{Code: code, Sentence: sentence}, fix}
}

func stateFindings(s Sighting) []Finding {
	switch s.Status {
	case image.StatusDeprecated:
		return append(usableFindings(s), found(Warning, "deprecated", "its owner deprecated it; it works, but can be neither shared nor copied", "use the newest available image of its family"))
	case image.StatusCreating, image.StatusWaiting:
		return []Finding{found(Fatal, "creating", "it is still being made: "+progress(s), "wait until its status is Available")}
	case image.StatusCreateFailed:
		return []Finding{found(Fatal, "failed", "making it failed, and it will never work", "delete it and make it again")}
	case image.StatusAvailable:
		return usableFindings(s)
	}
	return []Finding{found(Fatal, "unavailable", "its status is "+string(s.Status), "ask Alibaba Cloud why; it may be locked")}
}

func usableFindings(s Sighting) []Finding {
	switch s.Usable {
	case image.No:
		return []Finding{found(Fatal, "notUsable", "ECS says that instances cannot be created from it now", "wait, or use another image")}
	case image.Unknown:
		if !fromTheVendor(s.Image) {
			return []Finding{found(Warning, "usableUnknown", "ECS does not say whether instances can be created from it", "try with a dry run first")}
		}
	}
	return nil
}

func progress(s Sighting) string { return strconv.Itoa(s.Progress) + "%" }

func sourceFindings(s Sighting) []Finding {
	var findings []Finding
	switch s.Kind {
	case image.KindShared:
		findings = append(findings, found(Warning, "notOurs", "account "+string(s.Owner)+" owns it and can withdraw it; system disks made from it could then not be re-initialised", "copy it into the account that depends on it"))
	case image.KindCommunity:
		findings = append(findings, found(Warning, "community", "anybody can publish community images, and this one can be withdrawn at any time", "trust its owner first, or use a public image"))
	case image.KindCustom:
		if s.Published {
			findings = append(findings, found(Warning, "published", "it is published to the community: everybody can read it", "unpublish it if that was not meant"))
		}
	}
	if s.ProductCode != "" && !s.Subscribed {
		findings = append(findings, found(Warning, "termsNotAccepted", "the terms of Marketplace product "+string(s.ProductCode)+" have not been accepted in this account", "subscribe to the product in the Marketplace first"))
	}
	return findings
}

func contentFindings(s Sighting, now time.Time) []Finding {
	var findings []Finding
	if age := now.Sub(s.CreatedAt); age > oldAfter && s.Kind != image.KindMarketplace {
		days := strconv.Itoa(int(age.Hours() / 24))
		findings = append(findings, found(Warning, "old", "it was made "+days+" days ago and has no patches since", "build it again, or use a newer one of its family"))
	}
	switch s.Encrypted() {
	case image.Yes:
		findings = append(findings, found(Note, "encrypted", "a disk in it is encrypted: to share it, it must be encrypted with a customer key and have one disk only", ""))
	case image.Unknown:
		findings = append(findings, found(Note, "encryptionUnknown", "ECS does not say for every disk whether it is encrypted", ""))
	}
	if dataDisksOf(s.Image) == WithDataDisks {
		findings = append(findings, found(Note, "dataDisks", "it brings data disks along, so the system disk of an instance cannot be replaced by it", ""))
	}
	if s.OSType == image.Linux && !s.CloudInit {
		findings = append(findings, found(Note, "noCloudInit", "cloud-init is not supported: user data and SSH keys may not reach the instance", ""))
	}
	return findings
}
