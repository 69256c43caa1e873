package retention

import (
	"fmt"
	"maps"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// longestGap is how far apart two looks may be that prove what was between them.
const longestGap = 2 * time.Hour

// trailLate is how long after a call its event can be looked up.
const trailLate = 10 * time.Minute

// Look is what all looks at one account in one region have shown so far, each folded
// into the one before.
type Look struct {
	Account image.AccountID `json:"accountId"`
	Region  image.RegionID  `json:"regionId"`
	// At is when the last look began, Since when the unbroken row of looks did.
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	// Used is when each image was last seen in use, within the row.
	Used map[image.ID]time.Time `json:"used"`
	// TrailSince and TrailTo are the span of which all events were read, Launched when
	// each image was last launched by them, and Blurred when something was last
	// launched of which the image is not known.
	TrailSince time.Time              `json:"trailSince,omitzero"`
	TrailTo    time.Time              `json:"trailTo,omitzero"`
	Launched   map[image.ID]time.Time `json:"launched,omitempty"`
	Blurred    time.Time              `json:"blurred,omitzero"`
	// Images and Instances are how many were seen; Best are the most that looks of late
	// have shown, with when: what later looks are measured by.
	Images    int  `json:"images"`
	Instances int  `json:"instances"`
	Best      Best `json:"best"`
	// Tagged is when each image was last seen with the tag that keeps it.
	Tagged map[image.ID]time.Time `json:"tagged,omitempty"`
	// Owned has the snapshots that were seen in images, by snapshot.
	Owned map[image.SnapshotID]Seen `json:"owned,omitempty"`
}

// Seen is in which image of ours a snapshot was seen, and since when that is gone.
type Seen struct {
	Image  image.ID  `json:"image"`
	GoneAt time.Time `json:"goneAt,omitzero"`
}

// Best is the last good look.
type Best struct {
	At        time.Time `json:"at"`
	Images    int       `json:"images"`
	Instances int       `json:"instances"`
	// ShortSince is since when every look has shown less than it.
	ShortSince time.Time `json:"shortSince,omitzero"`
}

// yields is how long looks have to show less before that is the measure.
const yields = 7 * day

// Glance is one complete look at an account in a region.
type Glance struct {
	Account   image.AccountID
	Region    image.RegionID
	At        time.Time
	Used      []image.ID
	Images    int
	Instances int
	// Tagged bear the tag that keeps.
	Tagged []image.ID
	// Mapped are the snapshots of the images that are there.
	Mapped map[image.SnapshotID]image.ID
	// Left are all snapshots that are there, with the image that their tag says they were
	// of; nil: they were not read.
	Left map[image.SnapshotID]image.ID
	// Trail is what the events of a span told; nil: they could not be read whole.
	Trail *Trail
}

// Trail is what the events of a span tell of launches.
type Trail struct {
	From, To time.Time
	Launched map[image.ID]time.Time
	Blurred  time.Time
}

// Fold is the look before with what is seen now. before may be zero. percent is how
// much less may be seen in a good look.
func Fold(before Look, now Glance, percent Percent) Look {
	after := Look{
		Account: now.Account, Region: now.Region, At: now.At, Since: now.At, Used: map[image.ID]time.Time{},
		Images: now.Images, Instances: now.Instances,
	}
	if gap := now.At.Sub(before.At); !before.At.IsZero() && !before.Since.IsZero() && gap >= 0 && gap <= longestGap {
		after.Since = before.Since
		maps.Copy(after.Used, before.Used)
	}
	for _, id := range now.Used {
		after.Used[id] = now.At
	}
	after.Tagged = map[image.ID]time.Time{}
	for id, at := range before.Tagged {
		switch {
		case at.IsZero(): // it was tagged, and when is not known
			after.Tagged[id] = now.At
		case now.At.Sub(at) < keepLasts:
			after.Tagged[id] = at
		}
	}
	for _, id := range now.Tagged {
		after.Tagged[id] = now.At
	}
	after.trail(before, now.Trail)
	after.Best = before.Best.next(now, percent)
	after.owned(before, now)
	return after
}

// trail goes on with the events, if they join those that were read before.
func (l *Look) trail(before Look, now *Trail) {
	switch {
	case now == nil:
		l.TrailSince, l.TrailTo, l.Launched, l.Blurred = before.TrailSince, before.TrailTo, before.Launched, before.Blurred
	case before.TrailTo.IsZero() || now.From.After(before.TrailTo):
		l.TrailSince, l.TrailTo, l.Launched, l.Blurred = now.From, now.To, now.Launched, now.Blurred
	default:
		l.TrailSince, l.TrailTo, l.Launched, l.Blurred = before.TrailSince, now.To, maps.Clone(before.Launched), later(before.Blurred, now.Blurred)
		if l.Launched == nil {
			l.Launched = map[image.ID]time.Time{}
		}
		for id, at := range now.Launched {
			l.Launched[id] = later(l.Launched[id], at)
		}
	}
}

func (l *Look) owned(before Look, now Glance) {
	l.Owned = map[image.SnapshotID]Seen{}
	for id, seen := range before.Owned {
		if _, there := now.Left[id]; now.Left != nil && !there {
			continue // the snapshot is gone, too
		}
		if seen.GoneAt.IsZero() {
			seen.GoneAt = now.At
		}
		l.Owned[id] = seen
	}
	for id, of := range now.Left {
		if _, known := l.Owned[id]; !known && of != "" {
			l.Owned[id] = Seen{Image: of, GoneAt: now.At}
		}
	}
	for id, in := range now.Mapped {
		l.Owned[id] = Seen{Image: in}
	}
}

// next is the measure after one more look.
func (b Best) next(now Glance, percent Percent) Best {
	is := Best{At: now.At, Images: now.Images, Instances: now.Instances}
	if b.At.IsZero() || len(b.Missing(now.Images, now.Instances, percent)) == 0 {
		return is
	}
	if b.ShortSince.IsZero() {
		b.ShortSince = now.At
	}
	if now.At.Sub(b.ShortSince) >= yields {
		return is
	}
	return b
}

// Missing says what less was seen of than in the last good look, by more than a
// percentage. Nothing at all where there was something is always too little.
func (b Best) Missing(images, instances int, percent Percent) []image.Reason {
	var short []image.Reason
	for _, c := range []struct {
		what     string
		was, now int
	}{{"images", b.Images, images}, {"instances", b.Instances, instances}} {
		if c.now < c.was && ((c.was-c.now)*100 > c.was*int(percent) || c.now == 0) {
			short = append(short, image.Reason{Code: "evidenceShort", Sentence: fmt.Sprintf("%d %s were seen, and %d at %s", c.now, c.what, c.was, b.At.UTC().Format(time.RFC3339))})
		}
	}
	return short
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Proof is what looks say of the use of one image, over all accounts that may use it.
type Proof struct {
	// Known: every account has looks.
	Known bool
	// Since is when the youngest row of looks began, Until when the oldest last look
	// did.
	Since, Until time.Time
	LastUsed     time.Time
	TrailKnown   bool
	TrailSince   time.Time
	TrailTo      time.Time
	Launched     time.Time
	Blurred      time.Time
}

// ProofOf joins the looks at all accounts of a region for one image. looks has one of
// each account that is looked at; complete: all accounts are among them.
func ProofOf(id image.ID, looks []Look, complete bool) Proof {
	p := Proof{Known: complete && len(looks) > 0, TrailKnown: complete && len(looks) > 0}
	for n := range looks {
		l := &looks[n]
		first := n == 0
		p.Since, p.LastUsed = later(p.Since, l.Since), later(p.LastUsed, dated(l.Used, id, l.At))
		p.Known = p.Known && l.Used != nil && !l.Since.IsZero() && !l.At.IsZero()
		if first || l.At.Before(p.Until) {
			p.Until = l.At
		}
		p.TrailKnown = p.TrailKnown && !l.TrailTo.IsZero() && !l.TrailSince.IsZero()
		p.TrailSince, p.Launched, p.Blurred = later(p.TrailSince, l.TrailSince), later(p.Launched, dated(l.Launched, id, l.TrailTo)), later(p.Blurred, l.Blurred)
		if first || l.TrailTo.Before(p.TrailTo) {
			p.TrailTo = l.TrailTo
		}
	}
	return p
}

// dated is when something is noted of an image; what is noted without a time was so
// until the last look.
func dated(notes map[image.ID]time.Time, id image.ID, last time.Time) time.Time {
	at, noted := notes[id]
	if noted && at.IsZero() {
		return last
	}
	return at
}

// Check returns why a look that was kept proves nothing: fault.Unknown.
func (l Look) Check() error {
	for _, c := range []struct {
		what    string
		missing bool
	}{
		{"accountId", l.Account == ""},
		{"regionId", l.Region == ""},
		{"at", l.At.IsZero()},
		{"since", l.Since.IsZero()},
		{"used", l.Used == nil},
		{"trailSince", !l.TrailTo.IsZero() && l.TrailSince.IsZero()},
	} {
		if c.missing {
			return fault.New(fault.Unknown, "a look has no %s", c.what).WithCode("journalDamaged")
		}
	}
	return nil
}

// ahead is how far the clock of another machine may be before ours.
const ahead = 5 * time.Minute

// Unproven is why looks do not prove that an image was unused for a span; nil: they
// do. made is when the image was.
func (p Proof) Unproven(made time.Time, span time.Duration, now time.Time) *image.Reason {
	from := now.Add(-span)
	not := func(code, sentence string, args ...any) *image.Reason {
		return &image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}
	}
	switch {
	case !p.Known || p.Since.IsZero():
		return not("useNotLongEnoughSeen", "not every account that may use it has been looked at")
	case p.Until.After(now.Add(ahead)):
		return not("useNotLongEnoughSeen", "the last look was at %s, which is yet to come", p.Until.UTC().Format(time.RFC3339))
	case now.Sub(p.Until) > longestGap:
		return not("useNotLongEnoughSeen", "the last look was at %s, more than two hours ago", p.Until.UTC().Format(time.RFC3339))
	case p.Since.After(from):
		return not("useNotLongEnoughSeen", "looks are unbroken since %s only", p.Since.UTC().Format(time.RFC3339))
	case made.IsZero() || made.After(from):
		return not("useNotLongEnoughSeen", "it is not there for so long")
	case p.LastUsed.After(from):
		return not("usedLately", "it was seen in use at %s", p.LastUsed.UTC().Format(time.RFC3339))
	}
	return nil
}

// ShortUse is why use between looks is not excluded over a span; nil: it is.
func (p Proof) ShortUse(span time.Duration, now time.Time) *image.Reason {
	from := now.Add(-span)
	not := func(code, sentence string, args ...any) *image.Reason {
		return &image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}
	}
	switch {
	case !p.TrailKnown || p.TrailSince.IsZero() || now.Sub(p.TrailTo) > longestGap+trailLate:
		return not(CodeShortUse, "the events of ActionTrail could not be read in every account; a person may name it in images")
	case p.TrailSince.After(from):
		return not(CodeShortUse, "events are read since %s only; a person may name it in images", p.TrailSince.UTC().Format(time.RFC3339))
	case p.Launched.After(from):
		return not("usedLately", "it was launched at %s, by ActionTrail", p.Launched.UTC().Format(time.RFC3339))
	case p.Blurred.After(from):
		return not(CodeShortUse, "something was launched at %s of which the image is not known; a person may name it in images", p.Blurred.UTC().Format(time.RFC3339))
	}
	return nil
}
