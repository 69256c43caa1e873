package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// binInput asks what is in the bin.
type binInput struct {
	State  string `json:"state" validate:"omitempty,oneof=inBin restored purged all" doc:"Only entries in that state; default inBin"`
	Limit  *int   `json:"limit" validate:"omitempty,min=1,max=1000" doc:"How many at most; 1000 if left out"`
	Cursor string `json:"cursor" validate:"max=512" doc:"Where to go on, from nextCursor"`
}

// mostBinned is how many entries are shown at once if nobody says.
const mostBinned = 1000

// page are the entries that are asked for of all, in order, and where the next ones
// begin: behind the place of an entry, which need not be there any more.
func (in binInput) page(all []binEntry) ([]binEntry, string, error) {
	from := 0
	if in.Cursor != "" {
		last, err := readPlace(in.Cursor)
		if err != nil {
			return nil, "", fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
		}
		if from = slices.IndexFunc(all, func(e binEntry) bool { return e.compare(last) > 0 }); from < 0 {
			from = len(all)
		}
	}
	limit := mostBinned
	if in.Limit != nil {
		limit = *in.Limit
	}
	to := min(len(all), from+limit)
	if to == len(all) {
		return all[from:], "", nil
	}
	return all[from:to], all[to-1].place(), nil
}

// compare orders entries: the last deleted first.
func (e binEntry) compare(o binEntry) int {
	return cmp.Or(o.DeletedAt.Compare(e.DeletedAt), cmp.Compare(e.RegionID, o.RegionID), cmp.Compare(e.ID, o.ID))
}

// place is where an entry is in that order, as a cursor.
func (e binEntry) place() string {
	return works.CursorOf(strings.Join([]string{e.DeletedAt.UTC().Format(time.RFC3339Nano), string(e.RegionID), string(e.ID)}, " "), 0)
}

// readPlace reads a cursor as the entry that has that place.
func readPlace(cursor string) (binEntry, error) {
	name, _, err := works.ReadCursor(cursor)
	words := strings.Split(name, " ")
	if err != nil || len(words) != 3 {
		return binEntry{}, errors.Join(err, errors.New("not the place of an entry"))
	}
	at, err := time.Parse(time.RFC3339Nano, words[0])
	return binEntry{DeletedAt: at, RegionID: image.RegionID(words[1]), ID: image.ID(words[2])}, err
}

// binEntry is an image that was deleted.
type binEntry struct {
	// ID is the image's, by which it is restored.
	ID        image.ID        `json:"id"`
	RegionID  image.RegionID  `json:"regionId"`
	AccountID image.AccountID `json:"accountId"`
	Name      string          `json:"name"`
	Family    image.Family    `json:"imageFamily,omitempty"`
	// State: inBin, restored or purged.
	State string `json:"state"`
	// DeletedAt is when the image was seen to be gone.
	DeletedAt time.Time `json:"deletedAt"`
	// Until is when its snapshots go.
	Until time.Time `json:"until"`
	// Snapshots are those that it can be made of again.
	Snapshots []image.SnapshotID `json:"snapshots"`
	// SharedWith are the accounts that lost it.
	SharedWith []image.AccountID `json:"sharedWith"`
	// Rule is the one by which it went; left out: it was named.
	Rule string `json:"rule,omitempty"`
	// Cleanup is the work that deleted it.
	Cleanup string `json:"cleanup"`
	// Restored is the image that was made of it.
	Restored image.ID `json:"restoredImageId,omitempty"`
	// Saved is what its snapshots cost in a month that are gone.
	Saved *pricing.Cost `json:"saved,omitempty"`
	// Reason is why it cannot be brought back now, or soon not any more.
	Reason *image.Reason `json:"reason,omitempty"`
}

// binOut is the bin.
type binOut struct {
	Items []binEntry `json:"items"`
	// Total is how many there are in that state.
	Total int `json:"total"`
	// NextCursor asks for the next part; left out: this is the last.
	NextCursor string `json:"nextCursor,omitempty"`
	// Saved is what a month costs less by all that was purged so far, in each currency.
	Saved []pricing.Cost `json:"saved"`
	// Unknown is what could not be looked at to tell whether an image is gone.
	Unknown []image.Unread `json:"unknown"`
	// Hints say what was passed over, where there is nothing in the state asked for.
	Hints []image.Reason `json:"hints,omitempty"`
}

// bin lists what can be brought back, last deleted first.
func (h handler) bin(ctx context.Context, call function.Call, in binInput) (binOut, error) {
	s, err := h.session(ctx, call)
	if err != nil {
		return binOut{}, err
	}
	stories, err := s.archive.All(ctx)
	if err != nil {
		return binOut{}, err
	}
	entries, unread, err := s.entries(ctx, stories)
	if err != nil {
		return binOut{}, err
	}
	out := binOut{Items: []binEntry{}, Saved: []pricing.Cost{}, Unknown: image.AllUnread(unread)}
	var saved []pricing.Cost
	others := map[string]int{}
	for _, e := range entries {
		shown := entryOut(e, s.now())
		if shown.Saved != nil {
			saved = append(saved, *shown.Saved)
		}
		if in.State == "all" || shown.State == cmp.Or(in.State, "inBin") {
			out.Items = append(out.Items, shown)
		} else {
			others[shown.State]++
		}
	}
	if len(out.Items) == 0 {
		out.Hints = works.PassedOver(others)
	}
	slices.SortFunc(out.Items, binEntry.compare)
	out.Total, out.Saved = len(out.Items), append(out.Saved, pricing.Add(saved)...)
	out.Items, out.NextCursor, err = in.page(out.Items)
	return out, err
}

// binned is an entry of the bin.
type binned struct {
	retention.Entry
	// unready is why it cannot be brought back yet; nil: it can.
	unready *image.Reason
}

// entries are what the bin has by the stories of images. An image whose deletion was
// begun is in it as soon as it is gone, also before that was written down, and as long
// as nobody can tell.
func (s *session) entries(ctx context.Context, stories map[image.Ref]retention.Story) ([]binned, []image.Unread, error) {
	var found []binned
	var unread []image.Unread
	for ref, story := range stories {
		if e, begun := retention.Unfinished(ref, story); begun {
			why, u, err := s.unfinished(ctx, e)
			if err != nil {
				return nil, nil, err
			}
			unread = append(unread, u...)
			if why != nil {
				found = append(found, binned{e, why})
			}
			continue
		}
		if e, ok := retention.EntryOf(ref, story); ok {
			found = append(found, binned{Entry: e})
		}
	}
	slices.SortFunc(found, func(a, b binned) int { return cmp.Compare(a.Ref.String(), b.Ref.String()) })
	return found, unread, nil
}

// unfinished looks whether an image is gone whose deletion was begun, and says why it
// cannot be brought back yet; nil: it is there.
func (s *session) unfinished(ctx context.Context, e retention.Entry) (*image.Reason, []image.Unread, error) {
	w, err := s.runner().Get(ctx, e.Work)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, nil, err
	}
	if retention.SeenGone(w.Items[e.Ref.String()]) {
		return e.Unready(image.Yes), nil, nil
	}
	o, err := s.opened()
	if err != nil {
		return nil, nil, err
	}
	place := o.survey.Again().Place(e.Ref.Account, e.Ref.Region)
	if place == nil {
		return e.Unready(image.Unknown), o.survey.Unread(), nil
	}
	rows, err := place.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{e.Ref.ID}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return e.Unready(image.Unknown), []image.Unread{image.UnreadOf(e.Ref.Account, e.Ref.Region, survey.MayListImages, err)}, nil
	case len(rows) == 0:
		return e.Unready(image.Yes), nil, nil
	}
	return nil, nil, nil
}

func entryOut(e binned, now time.Time) binEntry {
	out := binEntry{
		ID: e.Ref.ID, RegionID: e.Ref.Region, AccountID: e.Ref.Account, Name: e.Image.Name, Family: e.Image.Family, State: "inBin",
		DeletedAt: e.DeletedAt, Until: e.Until, Snapshots: []image.SnapshotID{}, SharedWith: []image.AccountID{}, Rule: e.Rule, Cleanup: e.Work, Restored: e.Restored,
	}
	for _, s := range e.Snapshots {
		out.Snapshots = append(out.Snapshots, s.ID)
	}
	out.Saved = sumOf(e.Saved)
	out.SharedWith = append(out.SharedWith, e.Suspended...)
	switch {
	case e.Restored != "":
		out.State = "restored"
	case e.Purged:
		out.State = "purged"
	case e.unready != nil:
		out.Reason = e.unready
	default:
		out.Reason = e.Over(now)
	}
	return out
}

// restoreInput asks to bring an image back.
type restoreInput struct {
	works.Request
	ID     image.ID       `json:"id" validate:"required,imageid" doc:"The entry of the bin: the id that the image had"`
	Region image.RegionID `json:"region" validate:"omitempty,regionid" doc:"Where the image was; needed only if the id is ambiguous"`
	Family bool           `json:"family" query:"-" doc:"true: also put it into its family again; refused while that has a newer version"`
	Shares bool           `json:"shares" query:"-" doc:"true: also give it to the accounts that lost it"`
}

// restore plans how an image is brought back, or applies such a plan. What comes back
// is a new image with a new id.
func (h handler) restore(ctx context.Context, call function.Call, in restoreInput) (works.Answer[stepOut, itemOut], error) {
	s, err := h.session(ctx, call)
	if err != nil {
		return works.Answer[stepOut, itemOut]{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.planRestore(ctx, in) }
	return h.works().Post(ctx, call, in.Request, works.Wish{Plan: planning})
}

// entry finds one entry of the bin.
func (s *session) entry(ctx context.Context, in restoreInput) (binned, error) {
	stories, err := s.archive.Of(ctx, in.ID)
	if err != nil {
		return binned{}, err
	}
	maps.DeleteFunc(stories, func(ref image.Ref, _ retention.Story) bool { return in.Region != "" && ref.Region != in.Region })
	found, _, err := s.entries(ctx, stories)
	switch {
	case err != nil:
		return binned{}, err
	case len(found) == 0:
		return binned{}, fault.New(fault.NotFound, "the bin has no %s", in.ID).WithCode("notInBin")
	case len(found) == 1:
		return found[0], nil
	}
	return binned{}, fault.InField("region", "ambiguous", "must say which %s is meant: %s is in the bin of several regions", in.ID, in.ID)
}

// planRestore looks at what there is and plans.
func (s *session) planRestore(ctx context.Context, in restoreInput) (work.Document, error) {
	o, err := s.opened()
	if err != nil {
		return work.Document{}, err
	}
	if in.Region != "" {
		if err := o.survey.Knows("region", in.Region); err != nil {
			return work.Document{}, err
		}
	}
	e, err := s.entry(ctx, in)
	if err != nil {
		return work.Document{}, err
	}
	place := o.survey.Place(e.Ref.Account, e.Ref.Region)
	if place == nil {
		return work.Document{}, errNotWorkedIn(e.Ref.Account)
	}
	ledger := retention.OpenLedger(ctx, retention.Place{Account: e.Ref.Account, Region: e.Ref.Region}, place, s.now)
	if u := ledger.Unread.Images; u != nil {
		return work.Document{}, survey.Unreadable([]image.Unread{*u}, "the images of %s cannot be read: %s", e.Ref.Region, u.Sentence)
	}
	taken := map[string]bool{}
	for _, i := range ledger.Images {
		taken[i.Name] = taken[i.Name] || i.Kind == image.KindCustom
	}
	r := retention.RestoreOf(e.Entry, in.Family, in.Shares, taken)
	findings, err := s.objections(ctx, e, r, ledger, in)
	if err != nil {
		return work.Document{}, err
	}
	findings = append(findings, stillNamed(ctx, e.Ref.ID, o.survey.In(e.Ref.Region))...)
	return restoreDocument(e.Entry, r, findings, s.now(), o.survey.Unread())
}

// objections are what keeps an image from coming back, and what should be known.
func (s *session) objections(ctx context.Context, e binned, r retention.Restore, l *retention.Ledger, in restoreInput) ([]image.Finding, error) {
	found := []image.Finding{}
	say := func(level image.Level, code, remedy, sentence string, args ...any) {
		found = append(found, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}, Remedy: remedy})
	}
	var ids []image.SnapshotID
	for _, d := range r.Snapshots {
		ids = append(ids, d.Snapshot)
	}
	rows, err := l.Reader.Snapshots(ctx, image.SnapshotListing{IDs: ids})
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(ids, func(id image.SnapshotID) bool {
		return slices.ContainsFunc(rows, func(row image.Snapshot) bool { return row.ID == id })
	})
	switch {
	case e.unready != nil:
		say(image.Fatal, e.unready.Code, "plan it again in a few minutes", "%s", e.unready.Sentence)
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
	if newer := newerIn(e.Image, l.Images); in.Family && newer != "" {
		say(image.Fatal, "newerInFamily", "leave family out", "family %s has a newer version, %s: what comes back would be taken for the newest", e.Image.Family, newer)
	}
	return found, nil
}

// stillNamed are what still refers to an image that is gone, in all accounts that are
// looked at, with what mends it. What could not be read is noted in the survey.
func stillNamed(ctx context.Context, id image.ID, there []*survey.Place) []image.Finding {
	var found []image.Finding
	say := func(remedy, sentence string, args ...any) {
		found = append(found, image.Finding{Level: image.Warning, Reason: image.Reason{Code: "stillNamed", Sentence: fmt.Sprintf(sentence, args...)}, Remedy: remedy})
	}
	for _, p := range there {
		versions, _ := p.TemplateVersions(ctx)
		for _, v := range versions {
			if v.Image == id {
				say(fmt.Sprintf("make a version of %s with all that version %d has (ECS takes nothing over) and the new image; in Terraform:\n-  image_id = %q\n+  image_id = \"$IMAGE_ID\"", v.Template, v.Version, id),
					"version %d of launch template %s of account %s still names %s", v.Version, v.Template, p.Account, id)
			}
		}
		scaling, _ := p.ScalingConfigurations(ctx)
		for _, c := range scaling {
			if c.Image == id {
				say(fmt.Sprintf(`aliyun ess ModifyScalingConfiguration --RegionId %s --ScalingConfigurationId %s --ImageId "$IMAGE_ID"`, p.Region, c.ID),
					"scaling configuration %s of account %s still names %s", c.ID, p.Account, id)
			}
		}
	}
	return found
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

// restoreDocument is the plan of a restore: the image, and what was asked for beside.
func restoreDocument(e retention.Entry, r retention.Restore, findings []image.Finding, now time.Time, unread []image.Unread) (work.Document, error) {
	name := r.RestoredName()
	step := plan.Step{
		Action: "restore", Subject: name, Parameters: map[string]string{paramName: r.Name, paramStage: string(retention.StageDeleted)},
		Reasons: []image.Reason{{Code: "named", Sentence: "it was named; what comes back is a new image"}}, Sets: plan.Facts{"restored/" + name: "yes"},
	}
	steps := []plan.Step{step}
	if r.Family {
		steps = append(steps, plan.Step{
			Action: "family", Subject: name, Parameters: map[string]string{"imageFamily": string(e.Image.Family), paramName: r.Name}, Sets: plan.Facts{"family/" + name: string(e.Image.Family)},
			Reasons: []image.Reason{{Code: "named", Sentence: "it is put into family " + string(e.Image.Family) + " again"}},
		})
	}
	if len(r.With) > 0 {
		accounts := make([]string, len(r.With))
		for n, a := range r.With {
			accounts[n] = string(a)
		}
		steps = append(steps, plan.Step{
			Action: "share", Subject: name, Parameters: map[string]string{"accounts": strings.Join(accounts, ","), paramName: r.Name}, Sets: plan.Facts{"shares/" + name: strings.Join(accounts, ",")},
			Reasons: []image.Reason{{Code: "named", Sentence: "it is shared again with " + strings.Join(accounts, ", ")}},
		})
	}
	p := plan.Plan{Target: "bin/" + name, Base: plan.Facts{"deletedAt": e.DeletedAt.UTC().Format(time.RFC3339), "restored": string(e.Restored)}, Steps: steps}
	wish, err := json.Marshal(retention.Wish{Restore: &r})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the wish of a restore cannot be written")
	}
	d := work.Document{Kind: "cleanups", Of: "bin/" + string(e.Ref.ID), At: now.UTC().Truncate(time.Second), Plan: p.Stored(), Wish: wish}
	for _, s := range r.Snapshots {
		d.Claims = append(d.Claims, work.Claim{Thing: "snapshot/" + string(e.Ref.Region) + "/" + string(s.Snapshot), Shared: true})
	}
	counted := totals{AsOf: d.At, Images: 1, Actions: map[retention.Action]int{}}
	for _, s := range steps {
		counted.Actions[retention.Action(s.Action)]++
	}
	counts, err := json.Marshal(counted)
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "totals cannot be written")
	}
	d.Shown, err = json.Marshal(works.Shown{Findings: findings, Totals: counts, Unknown: image.AllUnread(unread)})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "what is shown with a plan cannot be written")
	}
	return d, nil
}
