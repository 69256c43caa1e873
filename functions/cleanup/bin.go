package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
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

// entries are what the bin has by the stories of images. An image whose deletion was
// begun is in it as soon as it is gone, also before that was written down, and as long
// as nobody can tell.
func (s *session) entries(ctx context.Context, stories map[image.Ref]retention.Story) ([]retention.Binned, []image.Unread, error) {
	var found []retention.Binned
	var unread []image.Unread
	for ref, story := range stories {
		if e, begun := retention.Unfinished(ref, story); begun {
			why, u, err := s.unfinished(ctx, e)
			if err != nil {
				return nil, nil, err
			}
			unread = append(unread, u...)
			if why != nil {
				found = append(found, retention.Binned{Entry: e, NotYet: why})
			}
			continue
		}
		if e, ok := retention.EntryOf(ref, story); ok {
			found = append(found, retention.Binned{Entry: e})
		}
	}
	slices.SortFunc(found, func(a, b retention.Binned) int { return cmp.Compare(a.Ref.String(), b.Ref.String()) })
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

func entryOut(e retention.Binned, now time.Time) binEntry {
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
	case e.NotYet != nil:
		out.Reason = e.NotYet
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
func (s *session) entry(ctx context.Context, in restoreInput) (retention.Binned, error) {
	stories, err := s.archive.Of(ctx, in.ID)
	if err != nil {
		return retention.Binned{}, err
	}
	maps.DeleteFunc(stories, func(ref image.Ref, _ retention.Story) bool { return in.Region != "" && ref.Region != in.Region })
	found, _, err := s.entries(ctx, stories)
	switch {
	case err != nil:
		return retention.Binned{}, err
	case len(found) == 0:
		return retention.Binned{}, fault.New(fault.NotFound, "the bin has no %s", in.ID).WithCode("notInBin")
	case len(found) == 1:
		return found[0], nil
	}
	return retention.Binned{}, fault.InField("region", "ambiguous", "must say which %s is meant: %s is in the bin of several regions", in.ID, in.ID)
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
	snapshots, err := place.Snapshots(ctx, image.SnapshotListing{IDs: r.SnapshotIDs()})
	if err != nil {
		return work.Document{}, err
	}
	there := map[retention.Place]retention.Launchers{}
	for _, p := range o.survey.In(e.Ref.Region) {
		there[retention.Place{Account: p.Account, Region: p.Region}] = p
	}
	findings := append(r.Objections(e, snapshots, ledger.Images), retention.LostKeys(ctx, place, snapshots)...)
	findings = append(findings, retention.StillNamed(ctx, e.Ref.ID, there)...)
	return restoreDocument(e.Entry, r, findings, s.now(), o.survey.Unread())
}

// restoreDocument is what is kept of the plan of a restore, and shown.
func restoreDocument(e retention.Entry, r retention.Restore, findings []image.Finding, now time.Time, unread []image.Unread) (work.Document, error) {
	p := r.Plan(e)
	wish, err := json.Marshal(retention.Wish{Restore: &r})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the wish of a restore cannot be written")
	}
	d := work.Document{Kind: "cleanups", Of: "bin/" + string(e.Ref.ID), At: now.UTC().Truncate(time.Second), Plan: p.Stored(), Wish: wish, Claims: r.Claims()}
	counted := totals{AsOf: d.At, Images: 1, Actions: map[retention.Action]int{}}
	for _, s := range p.Steps {
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
