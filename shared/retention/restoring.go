package retention

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// The parameters of steps.
const (
	ParamStage = "stage"
	ParamName  = "name"
	ParamDue   = "dueAt"
	ParamRule  = "rule"
)

// Binned is an entry of the bin.
type Binned struct {
	Entry
	// NotYet is why it cannot be brought back yet; nil: it can.
	NotYet *image.Reason
}

// WithBin adds to a plan what is in the bin, and waits there for its end: of every image,
// or of one.
func (p *Planned) WithBin(entries []Binned, only image.ID, now time.Time) {
	there := map[image.Ref]bool{}
	for _, c := range p.Cases {
		there[c.Ref] = there[c.Ref] || c.Snapshot == ""
	}
	for _, e := range entries {
		if e.Purged || e.Restored != "" || there[e.Ref] || only != "" && only != e.Ref.ID {
			continue
		}
		j := Judgement{Ref: e.Ref, Name: e.Image.Name, Stage: StageDeleted, Action: Wait, DueAt: e.Until, Rule: e.Rule, InWork: e.Work}
		if !now.Before(e.Until) {
			j.Action = Purge
		}
		until := e.Until.UTC().Format(time.RFC3339)
		j.Removes = []image.Reason{{Code: "inBin", Sentence: "its snapshots go at " + until}}
		if e.NotYet != nil {
			j.Removes = append(j.Removes, *e.NotYet)
		}
		p.Cases = append(p.Cases, &Case{Judgement: j})
		p.Document.Others = append(p.Document.Others, plan.StoredStep{Step: plan.Step{
			Action: string(j.Action), Subject: e.Ref.String(), Reasons: j.Reasons(),
			Parameters: map[string]string{ParamStage: string(j.Stage), ParamName: j.Name, ParamDue: until, ParamRule: e.Rule},
		}})
	}
}

// Objections are what keeps an entry of the bin from coming back, and what should be
// known: by those of its snapshots that there are, and the images in its place.
func (r Restore) Objections(e Binned, snapshots []image.Snapshot, images []image.Image) []image.Finding {
	found := []image.Finding{}
	say := func(level image.Level, code, remedy, sentence string, args ...any) {
		found = append(found, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}, Remedy: remedy})
	}
	missing := slices.DeleteFunc(r.SnapshotIDs(), func(id image.SnapshotID) bool {
		return slices.ContainsFunc(snapshots, func(row image.Snapshot) bool { return row.ID == id })
	})
	switch {
	case e.NotYet != nil:
		say(image.Fatal, e.NotYet.Code, "plan it again in a few minutes", "%s", e.NotYet.Sentence)
	case len(r.Snapshots) == 0:
		say(image.Fatal, "snapshotsGone", "", "it had no snapshots to be made of")
	case len(missing) > 0:
		say(image.Fatal, "snapshotsGone", "", "its snapshots are gone: %v", missing)
	case e.Purged:
		say(image.Fatal, "purged", "", "it was purged at the end of its time in the bin")
	case e.Restored != "":
		say(image.Warning, "restoredBefore", "", "it was brought back before, as %s", e.Restored)
	}
	if r.Name != e.Image.Name {
		say(image.Warning, "nameTaken", "", "its name is taken: it will be called %s", r.Name)
	}
	if newer := newerIn(e.Image, images); r.Family && newer != "" {
		say(image.Fatal, "newerInFamily", "leave family out", "family %s has a newer version, %s: what comes back would be taken for the newest", e.Image.Family, newer)
	}
	return found
}

// LostKeys are the findings of an image that cannot come back as a key is gone that its
// snapshots are encrypted by, or that may not, as that is not known.
func LostKeys(ctx context.Context, keys Protections, snapshots []image.Snapshot) []image.Finding {
	var found []image.Finding
	asked := map[string]bool{}
	for _, s := range snapshots {
		if s.Encrypted == image.No || asked[s.Key] {
			continue
		}
		asked[s.Key] = true
		gone, _ := keys.KeyGone(ctx, s.Key) // one that cannot be asked for is Unknown
		switch {
		case gone == image.Yes:
			found = append(found, image.Finding{
				Level: image.Fatal, Remedy: "cancel the deletion of the key in KMS, as long as that is possible",
				Reason: image.Reason{Code: "keyGone", Sentence: fmt.Sprintf("snapshot %s is encrypted by key %s, which is gone, or about to be", s.ID, s.Key)},
			})
		case gone == image.Unknown:
			found = append(found, image.Finding{
				Level: image.Warning, Remedy: "permit kms:DescribeKey, and see in KMS that the key is enabled",
				Reason: image.Reason{Code: "keyGone", Sentence: fmt.Sprintf("snapshot %s is encrypted, or may be, and whether its key %s can be used is not known", s.ID, s.Key)},
			})
		}
	}
	return found
}

// SnapshotIDs are those of its disks, the system disk's first.
func (r Restore) SnapshotIDs() []image.SnapshotID {
	ids := make([]image.SnapshotID, len(r.Snapshots))
	for n, s := range r.Snapshots {
		ids[n] = s.Snapshot
	}
	return ids
}

// newerIn is a newer version of the family of an image; empty: there is none.
func newerIn(was image.Image, images []image.Image) image.ID {
	for _, i := range images {
		if i.Kind == image.KindCustom && was.Family != "" && i.Family == was.Family && i.CreatedAt.After(was.CreatedAt) {
			return i.ID
		}
	}
	return ""
}

// StillNamed are what still refers to an image that is gone, in the places of its
// region, with what mends it. What could not be read is for the launchers to tell.
func StillNamed(ctx context.Context, id image.ID, there map[Place]Launchers) []image.Finding {
	var found []image.Finding
	say := func(remedy, sentence string, args ...any) {
		found = append(found, image.Finding{Level: image.Warning, Reason: image.Reason{Code: "stillNamed", Sentence: fmt.Sprintf(sentence, args...)}, Remedy: remedy})
	}
	for _, at := range slices.SortedFunc(maps.Keys(there), func(a, b Place) int { return cmp.Compare(a.Account, b.Account) }) {
		versions, _ := there[at].TemplateVersions(ctx)
		for _, v := range versions {
			if v.Image == id {
				say(fmt.Sprintf("make a version of %s with all that version %d has (ECS takes nothing over) and the new image; in Terraform:\n-  image_id = %q\n+  image_id = \"$IMAGE_ID\"", v.Template, v.Version, id),
					"version %d of launch template %s of account %s still names %s", v.Version, v.Template, at.Account, id)
			}
		}
		scaling, _ := there[at].ScalingConfigurations(ctx)
		for _, c := range scaling {
			if c.Image == id {
				say(fmt.Sprintf(`aliyun ess ModifyScalingConfiguration --RegionId %s --ScalingConfigurationId %s --ImageId "$IMAGE_ID"`, at.Region, c.ID),
					"scaling configuration %s of account %s still names %s", c.ID, at.Account, id)
			}
		}
	}
	return found
}

// Plan is how an entry of the bin is brought back: the image, and what was asked for
// beside.
func (r Restore) Plan(e Entry) plan.Plan {
	name := r.RestoredName()
	steps := []plan.Step{{
		Action: "restore", Subject: name, Parameters: map[string]string{ParamName: r.Name, ParamStage: string(StageDeleted)},
		Reasons: []image.Reason{{Code: "named", Sentence: "it was named; what comes back is a new image"}}, Sets: plan.Facts{"restored/" + name: "yes"},
	}}
	if r.Family {
		steps = append(steps, plan.Step{
			Action: doFamily, Subject: name, Parameters: map[string]string{"imageFamily": string(e.Image.Family), ParamName: r.Name}, Sets: plan.Facts{"family/" + name: string(e.Image.Family)},
			Reasons: []image.Reason{{Code: "named", Sentence: "it is put into family " + string(e.Image.Family) + " again"}},
		})
	}
	if len(r.With) > 0 {
		accounts := make([]string, len(r.With))
		for n, a := range r.With {
			accounts[n] = string(a)
		}
		steps = append(steps, plan.Step{
			Action: doGive, Subject: name, Parameters: map[string]string{"accounts": strings.Join(accounts, ","), ParamName: r.Name}, Sets: plan.Facts{"shares/" + name: strings.Join(accounts, ",")},
			Reasons: []image.Reason{{Code: "named", Sentence: "it is shared again with " + strings.Join(accounts, ", ")}},
		})
	}
	return plan.Plan{Target: "bin/" + name, Base: plan.Facts{"deletedAt": e.DeletedAt.UTC().Format(time.RFC3339), "restored": string(e.Restored)}, Steps: steps}
}

// Claims are the snapshots that nobody else may take meanwhile.
func (r Restore) Claims() []work.Claim {
	var claims []work.Claim
	for _, id := range r.SnapshotIDs() {
		claims = append(claims, work.Claim{Thing: "snapshot/" + string(r.Ref.Region) + "/" + string(id), Shared: true})
	}
	return claims
}
