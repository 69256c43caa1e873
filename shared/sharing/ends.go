package sharing

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Ends are the times at which shares end that an entry of a log approves, in order.
func Ends(e plan.Entry) []time.Time {
	if e.Kind != plan.Approved || e.Plan == nil {
		return nil
	}
	ends := map[time.Time]bool{}
	for _, s := range e.Plan.Steps {
		if until := termsOf(s.Step).Until; !until.IsZero() && !s.Refused && (s.Action == Add || s.Action == Extend) {
			ends[until.UTC()] = true
		}
	}
	return slices.SortedFunc(maps.Keys(ends), time.Time.Compare)
}

// EndsOf are Ends of an entry in the log of an image; of other logs there are none.
func EndsOf(target string, e plan.Entry) []time.Time {
	if _, ours := Subject(target); !ours {
		return nil
	}
	return Ends(e)
}

// End is a share of which a log says that it ends, and which entry approved that.
type End struct {
	At       time.Time
	Position int
}

// Recalled is an image of whose shares a log knows.
type Recalled struct {
	image.Ref
	Known map[image.AccountID]Record
	// Ends are those that still stand.
	Ends []End
	// Length is that of the log.
	Length int
	// Over: the time of one of them has come.
	Over bool
}

// Subjects are the images that some logs are about, each once and in order.
func Subjects(targets []string) []image.Ref {
	refs := map[image.Ref]bool{}
	for _, target := range targets {
		if ref, ok := Subject(target); ok {
			refs[ref] = true
		}
	}
	return slices.SortedFunc(maps.Keys(refs), func(a, b image.Ref) int { return cmp.Compare(a.String(), b.String()) })
}

// Recall sums up the log of an image for expiry.
func Recall(r image.Ref, entries []plan.Entry, now time.Time) Recalled {
	one := Recalled{Ref: r, Known: Remember(entries), Length: len(entries)}
	for position, e := range entries {
		for _, at := range Ends(e) {
			stands := func(m Record) bool { return m.Until.Equal(at) }
			if slices.ContainsFunc(slices.Collect(maps.Values(one.Known)), stands) {
				one.Ends = append(one.Ends, End{at, position})
			}
		}
	}
	for _, m := range one.Known {
		one.Over = one.Over || m.Terms.Over(now)
	}
	return one
}

// Turns orders images for a run of expiry: those of which something is over, then
// the others, beginning elsewhere at every run so that each has its turn even if
// no run comes to the end. Those of whose shares nothing is known are left out.
func Turns(all []Recalled, run int) []Recalled {
	var due, others []Recalled
	for _, one := range all {
		switch {
		case len(one.Known) == 0:
		case one.Over:
			due = append(due, one)
		default:
			others = append(others, one)
		}
	}
	if len(others) > 0 {
		first := run % len(others)
		others = slices.Concat(others[first:], others[:first])
	}
	return append(due, others...)
}

// ExpiryReport is what a run of expiry did and saw.
type ExpiryReport struct {
	AsOf time.Time `json:"asOf"`
	// Images is how many with shares of ours were looked at.
	Images int `json:"images"`
	// Removed are shares that ended now, Kept those whose time is over and that are
	// still used, or may be.
	Removed []Expired `json:"removed"`
	// Kept: those that stay although their time is over, and why.
	Kept []Expired `json:"kept"`
	// Drift is where the cloud and the journal differ, of the images looked at.
	Drift []Drifted `json:"drift"`
	// Unrecorded are images that are shared, and of whose shares the journal knows none.
	Unrecorded []image.Ref `json:"unrecorded"`
	// Failed are images that could not be looked at or changed.
	Failed []Failure `json:"failed"`
	// Left is how many images there was no time for; the next run begins with others.
	Left int `json:"left,omitempty"`
	// Everything: all images were looked at, not only those with something over.
	Everything bool `json:"everything"`
}

// Expired is one share whose time is over.
type Expired struct {
	image.Ref
	Grantee image.AccountID `json:"sharedWith"`
	Result  plan.Result     `json:"result,omitempty"`
	Reasons []image.Reason  `json:"reasons"`
}

// Drifted is one share that only one of the cloud and the journal knows.
type Drifted struct {
	image.Ref
	Grantee image.AccountID `json:"sharedWith"`
	image.Reason
}

// Name is what it is about: the share, or the image as a whole.
func (d Drifted) Name() string {
	if d.Grantee == "" {
		return d.Ref.String()
	}
	return d.Ref.String() + " - " + string(d.Grantee)
}

// Ends are the shares that a run ended, each with why, and of how many images they
// were.
func (r ExpiryReport) Ends() (ended []Drifted, images int) {
	seen := map[image.Ref]bool{}
	for _, e := range r.Removed {
		if e.Result != plan.Applied && e.Result != plan.Already || len(e.Reasons) == 0 {
			continue
		}
		seen[e.Ref] = true
		ended = append(ended, Drifted{e.Ref, e.Grantee, e.Reasons[len(e.Reasons)-1]})
	}
	return ended, len(seen)
}

// Differences are where the cloud and the journal differ: shares, and images of whose
// shares the journal knows none. Only a run that looked at everything knows.
func (r ExpiryReport) Differences() []Drifted {
	if !r.Everything {
		return nil
	}
	all := slices.Clone(r.Drift)
	for _, ref := range r.Unrecorded {
		all = append(all, Drifted{Ref: ref, Reason: image.Reason{Code: "sharedOutside", Sentence: "it is shared, and the journal knows of none of its shares"}})
	}
	return all
}

// Line is what a run has to say to whoever reads a log, as names and values.
type Line struct {
	Says  string
	Warns bool
	About []any
}

// Lines are what somebody should look at, but for failures.
func (r ExpiryReport) Lines() []Line {
	var lines []Line
	for _, e := range r.Removed {
		done := e.Result == plan.Applied || e.Result == plan.Already
		lines = append(lines, Line{"expired", !done, []any{
			"image", e.Ref.String(), "shared_with", string(e.Grantee), "result", string(e.Result), "code", e.Reasons[len(e.Reasons)-1].Code,
		}})
	}
	for _, k := range r.Kept {
		lines = append(lines, Line{"kept although its time is over", true, []any{"image", k.Ref.String(), "shared_with", string(k.Grantee), "code", k.Reasons[0].Code}})
	}
	for _, g := range r.Drift {
		lines = append(lines, Line{"drift", true, []any{"image", g.Ref.String(), "shared_with", string(g.Grantee), "code", g.Code}})
	}
	if n := len(r.Unrecorded); n > 0 {
		lines = append(lines, Line{"drift", true, []any{"code", "sharedOutside", "images", n, "first", r.Unrecorded[0].String()}})
	}
	if r.Left > 0 {
		lines = append(lines, Line{"expiry had no time for all images", true, []any{"left", r.Left}})
	}
	return lines
}

// Failure is an image that could not be looked at or changed.
type Failure struct {
	image.Ref
	image.Reason
}

// Expiry takes down what a run does and sees. Safe for concurrent use.
type Expiry struct {
	mu     sync.Mutex
	report ExpiryReport
	// unread are the images of whose shares the journal could not be read.
	unread []image.Ref
}

// NewExpiry begins the report of a run.
func NewExpiry(now time.Time) *Expiry {
	return &Expiry{report: ExpiryReport{
		AsOf:    now.UTC().Truncate(time.Second),
		Removed: []Expired{}, Kept: []Expired{}, Drift: []Drifted{}, Unrecorded: []image.Ref{}, Failed: []Failure{},
	}}
}

// Saw notes drift, and what is over and stays.
func (x *Expiry) Saw(r image.Ref, d Drift, p plan.Plan) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Images++
	for _, g := range d.Outside {
		x.report.Drift = append(x.report.Drift, Drifted{r, g.Account, image.Reason{Code: "sharedOutside", Sentence: "the journal does not know this share"}})
	}
	for _, m := range d.Gone {
		x.report.Drift = append(x.report.Drift, Drifted{r, m.Account, image.Reason{Code: "endedOutside", Sentence: "the journal knows this share, and it is gone"}})
	}
	for _, s := range p.Steps {
		if s.Action == Keep {
			x.report.Kept = append(x.report.Kept, Expired{Ref: r, Grantee: image.AccountID(s.Subject), Reasons: s.Reasons})
		}
	}
}

// Ended notes what came of a plan, also of one that broke off.
func (x *Expiry) Ended(r image.Ref, of plan.Report) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n, s := range of.Plan.Changes() {
		if n >= len(of.Outcomes) {
			return
		}
		o := of.Outcomes[n]
		out := Expired{Ref: r, Grantee: image.AccountID(s.Subject), Result: o.Result, Reasons: s.Reasons}
		if o.Why != nil {
			out.Reasons = append(slices.Clone(out.Reasons), *o.Why)
		}
		x.report.Removed = append(x.report.Removed, out)
	}
}

// Missed notes why an image was not looked at or changed: that it is gone, with the
// shares that were; that another is at it; that there was no time; or a failure.
func (x *Expiry) Missed(one Recalled, err error, late bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch kind := fault.Of(err); {
	case err == nil, kind == fault.Conflict: // another run, or somebody's plan, is at it
	case kind == fault.NotFound:
		x.report.Images++
		for a, m := range one.Known {
			if m.Settled {
				x.report.Drift = append(x.report.Drift, Drifted{one.Ref, a, image.Reason{Code: "imageGone", Sentence: "the journal knows this share, and the image is gone"}})
			}
		}
	case kind == fault.Unavailable && late:
		x.report.Left++
	default:
		x.failed(one.Ref, err)
	}
}

// Unread notes that the journal of an image could not be read, so that what it knows
// is not known.
func (x *Expiry) Unread(r image.Ref, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unread = append(x.unread, r)
	x.failed(r, err)
}

// Failed notes a failure; r may name a place.
func (x *Expiry) Failed(r image.Ref, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed(r, err)
}

func (x *Expiry) failed(r image.Ref, err error) {
	x.report.Failed = append(x.report.Failed, Failure{r, image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}})
}

// Left counts images that there was no time for.
func (x *Expiry) Left(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Left += n
}

// Shared notes those of some images that are shared and neither known nor unread.
func (x *Expiry) Shared(images []image.Image, known []Recalled) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range images {
		ref := images[n].Ref
		recorded := slices.Contains(x.unread, ref) || slices.ContainsFunc(known, func(one Recalled) bool { return one.Ref == ref })
		if images[n].SharedOut == image.Yes && !recorded {
			x.report.Unrecorded = append(x.report.Unrecorded, ref)
		}
	}
}

// Report is what was noted, in the order of images and accounts; everything says
// whether all images were to be looked at.
func (x *Expiry) Report(everything bool) ExpiryReport {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.report
	r.Everything = everything && r.Left == 0
	order := func(a, b image.Ref, y, z image.AccountID) int {
		return cmp.Or(cmp.Compare(a.String(), b.String()), cmp.Compare(y, z))
	}
	byShare := func(a, b Expired) int { return order(a.Ref, b.Ref, a.Grantee, b.Grantee) }
	slices.SortFunc(r.Removed, byShare)
	slices.SortFunc(r.Kept, byShare)
	slices.SortFunc(r.Drift, func(a, b Drifted) int { return order(a.Ref, b.Ref, a.Grantee, b.Grantee) })
	slices.SortFunc(r.Unrecorded, func(a, b image.Ref) int { return cmp.Compare(a.String(), b.String()) })
	slices.SortFunc(r.Failed, func(a, b Failure) int { return order(a.Ref, b.Ref, "", "") })
	return r
}
