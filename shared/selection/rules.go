package selection

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// says is a sentence that needs neither the query nor the image.
func says(text string) func(*Judge, *Sighting) string {
	return func(*Judge, *Sighting) string { return text }
}

// compared are the sentences of a rule that compares one field with what was asked.
func compared(what string, asked func(*Query) string, is func(*Sighting) string) (no, yes func(*Judge, *Sighting) string) {
	no = func(j *Judge, s *Sighting) string {
		if got := is(s); got != "" {
			return fmt.Sprintf("%s is %s, not %s", what, got, asked(&j.query))
		}
		return fmt.Sprintf("%s is not told; %s is asked", what, asked(&j.query))
	}
	yes = func(j *Judge, s *Sighting) string { return what + " is " + is(s) }
	return no, yes
}

// field is a rule that compares one field with what was asked. word starts the
// codes. A nil objects compares for equality.
func field(word, what string, asked func(*Query) string, is func(*Sighting) string, objects func(*Judge, *Sighting) bool) rule {
	if objects == nil {
		objects = func(j *Judge, s *Sighting) bool { return is(s) != asked(&j.query) }
	}
	no, yes := compared(what, asked, is)
	return rule{
		no: word + "Differs", yes: word + "Fits",
		asked:   func(q *Query) bool { return asked(q) != "" },
		objects: objects, saysNo: no, saysYes: yes,
	}
}

// identityRules are about which image it is.
func identityRules() []rule {
	return []rule{
		field("region", "the region",
			func(q *Query) string { return joined(q.Regions, " or ") },
			func(s *Sighting) string { return string(s.Region) },
			func(j *Judge, s *Sighting) bool { return !slices.Contains(j.query.Regions, s.Region) }),
		field("kind", "the kind",
			func(q *Query) string { return joined(q.Kinds, " or ") },
			func(s *Sighting) string { return string(s.Kind) },
			func(j *Judge, s *Sighting) bool { return !slices.Contains(j.query.Kinds, s.Kind) }),
		field("id", "the id",
			func(q *Query) string { return joined(q.IDs, " or ") },
			func(s *Sighting) string { return string(s.ID) },
			func(j *Judge, s *Sighting) bool { return !slices.Contains(j.query.IDs, s.ID) }),
		field("owner", "the owner",
			func(q *Query) string { return string(q.Owner) },
			func(s *Sighting) string { return string(s.OwnerID()) }, nil),
		field("name", "the name",
			func(q *Query) string { return q.Name },
			func(s *Sighting) string { return s.Name },
			func(j *Judge, s *Sighting) bool { return !glob(j.glob, s.Name) }),
		field("family", "the family",
			func(q *Query) string { return joined(q.Families, " or ") },
			func(s *Sighting) string { return string(s.Family) },
			func(j *Judge, s *Sighting) bool { return !j.query.line(s) }),
		field("channel", "the channel",
			func(q *Query) string { return q.Channel },
			func(s *Sighting) string { return s.Tags[tagChannel] }, nil),
		{
			no: "snapshotDiffers", yes: "snapshotFits",
			asked:   func(q *Query) bool { return q.Snapshot != "" },
			objects: func(j *Judge, s *Sighting) bool { return !s.madeFrom(j.query.Snapshot) },
			saysNo:  says("none of its disks is the snapshot that is asked"),
			saysYes: says("one of its disks is the snapshot that is asked"),
		},
	}
}

// line: the image is of a family that is asked for. Whoever asks for a channel, or
// which families there are, means also what an import made for the family, before
// ECS's own is written.
func (q *Query) line(s *Sighting) bool {
	if (q.made || q.Channel != "") && s.Family == "" && s.Tags[tagImport] != "" {
		made := Sighting{Image: &image.Image{Family: image.Family(s.Tags[tagFamily])}}
		return made.InFamilies(q.Families)
	}
	return s.InFamilies(q.Families)
}

func (s *Sighting) madeFrom(snapshot image.SnapshotID) bool {
	for i := range s.Disks {
		if s.Disks[i].SnapshotID == snapshot {
			return true
		}
	}
	return false
}

// systemRules are about the operating system.
func systemRules() []rule {
	return []rule{
		field("osType", "the operating system",
			func(q *Query) string { return string(q.OSType) },
			func(s *Sighting) string { return string(s.OSType) }, nil),
		field("platform", "the platform",
			func(q *Query) string { return q.Platform },
			func(s *Sighting) string { return s.Platform },
			func(j *Judge, s *Sighting) bool { return !j.onPlatform(s.Image) }),
		field("arch", "the architecture",
			func(q *Query) string { return string(q.Architecture) },
			func(s *Sighting) string { return string(s.Architecture) }, nil),
		field("bootMode", "the boot mode",
			func(q *Query) string { return string(q.BootMode) },
			func(s *Sighting) string { return string(s.BootMode) },
			func(j *Judge, s *Sighting) bool {
				return s.BootMode != j.query.BootMode && s.BootMode != image.UEFIPreferred
			}),
	}
}

// contentRules are about what is inside and what it costs.
func contentRules() []rule {
	return slices.Concat(softwareRules(), encryptionRules(), []rule{
		field("provider", "the provider",
			func(q *Query) string { return string(q.Provider) },
			func(s *Sighting) string { return string(providerOf(s.Image)) }, nil),
		{
			no: "dataDisksDiffer", yes: "dataDisksFit",
			asked:   func(q *Query) bool { return q.DataDisks != "" },
			objects: func(j *Judge, s *Sighting) bool { return dataDisksOf(s.Image) != j.query.DataDisks },
			saysNo:  saysDataDisks, saysYes: saysDataDisks,
		},
		{
			no: "licenceDiffers", yes: "licenceFits",
			asked:   func(q *Query) bool { return q.Licence != "" },
			objects: func(j *Judge, s *Sighting) bool { return j.classOf(s) != j.query.Licence },
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("the licence is %s, not %s", j.classOf(s), j.query.Licence)
			},
			saysYes: func(j *Judge, s *Sighting) string { return fmt.Sprintf("the licence is %s", j.classOf(s)) },
		},
	})
}

func softwareRules() []rule {
	return []rule{
		{
			no: "tagsDiffer", yes: "tagsFit",
			asked:   func(q *Query) bool { return len(q.Tags) > 0 },
			objects: func(j *Judge, s *Sighting) bool { return !tagged(s.Tags, j.query.Tags) },
			saysNo: func(j *Judge, s *Sighting) string {
				return "the tags do not have " + missingTags(s.Tags, j.query.Tags)
			},
			saysYes: says("it has all tags that are asked"),
		},
		{
			no: "softwareMissing", yes: "softwareFound",
			asked:   func(q *Query) bool { return q.Software != "" },
			objects: func(j *Judge, s *Sighting) bool { return softwareIn(s.Image, j.query.Software) == "" },
			saysNo:  func(j *Judge, _ *Sighting) string { return "nothing tells that " + j.query.Software + " is in it" },
			saysYes: func(j *Judge, s *Sighting) string {
				return softwareIn(s.Image, j.query.Software) + " says " + j.query.Software
			},
		},
	}
}

func encryptionRules() []rule {
	return []rule{
		{
			no: "encryptionDiffers", yes: "encryptionFits",
			asked: func(q *Query) bool { return q.Encrypted != image.Unknown },
			objects: func(j *Judge, s *Sighting) bool {
				return s.Encrypted() != image.Unknown && s.Encrypted() != j.query.Encrypted
			},
			saysNo: saysEncryption, saysYes: saysEncryption,
		},
		{
			no:      "encryptionUnknown",
			asked:   func(q *Query) bool { return q.Encrypted != image.Unknown },
			objects: func(_ *Judge, s *Sighting) bool { return s.Encrypted() == image.Unknown },
			saysNo:  says("whether it is encrypted is not told for every disk, and not known is not a match"),
		},
	}
}

// tagged reports whether tags has all that is asked.
func tagged(tags image.Tags, asked map[string]string) bool {
	for key, value := range asked {
		if got, there := tags[key]; !there || value != "" && got != value {
			return false
		}
	}
	return true
}

func missingTags(tags image.Tags, asked map[string]string) string {
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if tagged(tags, map[string]string{key: asked[key]}) {
			continue
		}
		if asked[key] == "" {
			missing = append(missing, key)
			continue
		}
		missing = append(missing, key+"="+asked[key])
	}
	return strings.Join(missing, ", ")
}

// providerOf: a user's own image without a Marketplace product has no provider.
// Products of Alibaba Cloud are in the Marketplace, too.
func providerOf(i *image.Image) Provider {
	switch {
	case i.Kind == image.KindPublic, startsWithWords(i.Supplier, "alibaba cloud"), strings.HasPrefix(i.Supplier, "阿里云"):
		return Alibaba
	case i.Kind == image.KindMarketplace, i.ProductCode != "":
		return ISV
	}
	return ""
}

func dataDisksOf(i *image.Image) DataDisks {
	for d := range i.Disks {
		if !i.Disks[d].System {
			return WithDataDisks
		}
	}
	return WithoutDataDisks
}

func saysDataDisks(_ *Judge, s *Sighting) string {
	if dataDisksOf(s.Image) == WithDataDisks {
		return "it has data disks"
	}
	return "it has no data disks"
}

func saysEncryption(_ *Judge, s *Sighting) string {
	if s.Encrypted() == image.Yes {
		return "it is encrypted"
	}
	return "it is not encrypted"
}

// stateRules are about whether it can be used now.
func stateRules() []rule {
	return []rule{
		inState("deprecated", "it is deprecated: its owner wants nobody to start with it", image.StatusDeprecated),
		inState("creating", "it is still being made", image.StatusCreating, image.StatusWaiting),
		inState("failed", "making it failed", image.StatusCreateFailed),
		inState("unavailable", "ECS says that it is not available", image.StatusUnavailable),
		inState("available", "it is available, which is not what is asked", image.StatusAvailable),
		{
			no:      "statusUnknown",
			asked:   func(*Query) bool { return true },
			objects: func(_ *Judge, s *Sighting) bool { return !slices.Contains(image.Statuses(), s.Status) },
			saysNo: func(_ *Judge, s *Sighting) string {
				return fmt.Sprintf("its status %q is not one that is known", s.Status)
			},
		},
		{
			no:      "notUsable",
			asked:   onlyUsable,
			objects: func(_ *Judge, s *Sighting) bool { return s.ready() && s.Usable == image.No },
			saysNo:  says("ECS says that instances cannot be created from it now"),
		},
		{
			no:    "usableUnknown",
			asked: onlyUsable,
			objects: func(_ *Judge, s *Sighting) bool {
				// Alibaba Cloud makes the others, in advance and once.
				return s.ready() && s.Usable == image.Unknown && !fromTheVendor(s.Image)
			},
			saysNo: says("ECS does not say whether instances can be created from it, and not known is not a match"),
		},
		field("usage", "the usage",
			func(q *Query) string { return string(q.Usage) },
			func(s *Sighting) string { return string(s.Usage) }, nil),
	}
}

// inState objects to images in states that are not asked. What is asked and
// found is told by the answer's status.
func inState(code, sentence string, states ...image.Status) rule {
	return rule{
		no:    code,
		asked: func(*Query) bool { return true },
		objects: func(j *Judge, s *Sighting) bool {
			return slices.Contains(states, s.Status) && !slices.Contains(j.query.Statuses, s.Status)
		},
		saysNo: says(sentence),
	}
}

// onlyUsable: who asks for images that are not available also means those that
// only look available.
func onlyUsable(q *Query) bool { return !slices.Contains(q.Statuses, image.StatusUnavailable) }

// ready: in a state in which ECS lets instances be created from an image.
func (s *Sighting) ready() bool {
	return s.Status == image.StatusAvailable || s.Status == image.StatusDeprecated
}

// timeRules are about when it was made.
func timeRules() []rule {
	return []rule{
		{
			no: "tooOld", yes: "newEnough",
			asked:   func(q *Query) bool { return !q.CreatedAfter.IsZero() },
			objects: func(j *Judge, s *Sighting) bool { return s.CreatedAt.Before(j.query.CreatedAfter) },
			saysNo: func(j *Judge, s *Sighting) string {
				return "created at " + stamp(s.CreatedAt) + ", before " + stamp(j.query.CreatedAfter)
			},
			saysYes: func(_ *Judge, s *Sighting) string { return "created at " + stamp(s.CreatedAt) },
		},
		{
			no: "tooNew", yes: "oldEnough",
			asked:   func(q *Query) bool { return !q.CreatedBefore.IsZero() },
			objects: func(j *Judge, s *Sighting) bool { return !s.CreatedAt.Before(j.query.CreatedBefore) },
			saysNo: func(j *Judge, s *Sighting) string {
				return "created at " + stamp(s.CreatedAt) + ", not before " + stamp(j.query.CreatedBefore)
			},
			saysYes: func(_ *Judge, s *Sighting) string { return "created at " + stamp(s.CreatedAt) },
		},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
