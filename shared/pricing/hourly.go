package pricing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// MostInquiries is how many different questions one answer about many images puts
// to DescribePrice; each is at the most three calls.
const MostInquiries = 100

// inquiriesAtOnce is how many of them may wait at a time.
const inquiriesAtOnce = 32

// Subject is an image that an instance runs, or would run.
type Subject struct {
	Image    image.Image
	Source   Source
	Instance Instance
	// Account is the one by whose credentials DescribePrice is asked.
	Account image.AccountID
}

// Licence is what running an image for an hour costs beside the instance: the
// lines of a quote for the operating system and, where there is one, for the
// Marketplace product.
type Licence struct {
	Rule  Ruling
	Lines []Line
	// Amount is the sum of the lines; nil unless each has an exact amount.
	Amount *money.Amount
	// AskedFor is the image that DescribePrice was asked about; empty if it was not.
	AskedFor image.ID
}

// Unknown says why there is no amount; it is empty if there is one.
func (l Licence) Unknown() []image.Reason {
	var why []image.Reason
	for i := range l.Lines {
		if l.Lines[i].Amount == nil {
			why = append(why, l.Lines[i].missing())
		}
	}
	return why
}

// Hourly prices the licences of many images, each as Price does for an hour of
// pay-as-you-go.
type Hourly struct {
	Rates Rates
	// Site counts for accounts that DescribePrice does not answer.
	Site Site
	// Readers are those of the accounts; DescribePrice is not asked for others.
	Readers map[image.AccountID]Reader
	Now     time.Time
}

// Licences are those of many images, and what could not be asked about them.
type Licences struct {
	// Of has one for each subject, in their order.
	Of []Licence
	// Sites are those of the accounts that DescribePrice answered.
	Sites map[image.AccountID]Site
	// Unread is what could not be asked, in no particular order.
	Unread []image.Unread
}

// Licences prices subjects with at most MostInquiries questions to DescribePrice.
// Images that are charged alike share one: those of the same rule, product and
// region by a source that was found, and those that the rule calls free and that
// say the same of their system. All others are asked about one by one, as long as
// there are questions left, the first subjects first; where there are none the
// rule and the table decide alone, as they do where DescribePrice refuses.
func (h Hourly) Licences(ctx context.Context, subjects []Subject) Licences {
	h.Rates = h.Rates.At(h.Now)
	inquiries, of := h.inquiries(subjects)
	out := Licences{Of: make([]Licence, len(subjects)), Sites: map[image.AccountID]Site{}}
	h.ask(ctx, inquiries)
	for _, i := range inquiries {
		out.Unread = append(out.Unread, i.unread...)
		if site := i.seen.Site(); site != "" {
			out.Sites[i.subject.Account] = site
		}
	}
	for n := range subjects {
		s := &subjects[n]
		q := s.question()
		q.Site, q.Observed = cmp.Or(out.Sites[s.Account], h.Site), of[n].seen
		out.Of[n] = licenceOf(&q, h.Rates, of[n].subject.Image.ID)
		if with := q.Observed.With; with != nil {
			out.Of[n].AskedFor = with.Image
		}
	}
	return out
}

// licenceOf prices an hour of a valid question: the same lines as in its quote.
// asked is the image that DescribePrice was asked about. That one without a source
// is charged although the rule calls it free proves nothing of others.
func licenceOf(q *Question, rates Rates, asked image.ID) Licence {
	b := builder{q: *q, rates: rates, currency: q.Site.Currency(), lines: make([]Line, 0, 2)}
	b.ruling = Judge(q.Image, q.Source, q.region())
	b.term = q.term()
	if d := q.Observed.difference(b.term, b.currency); asked != q.Image.ID && b.ruling.Sure == Fallback && d.known && d.value.Sign() != 0 {
		l := b.line(OperatingSystemLicence, InstanceOwner)
		l.unknown("alikeIsCharged", "the rule was decided without a source and says free, but "+string(asked)+", which says the same of its system, is charged")
		return Licence{Rule: b.ruling, Lines: []Line{l}}
	}
	b.licence()
	b.marketplace()
	l := Licence{Rule: b.ruling, Lines: b.lines}
	amounts := make([]money.Amount, 0, len(b.lines))
	for i := range b.lines {
		if b.lines[i].Amount == nil {
			return l
		}
		amounts = append(amounts, *b.lines[i].Amount)
	}
	if sum, err := total(amounts); err == nil { // one currency: that of the site
		l.Amount = &sum
	}
	return l
}

// question is an hour of pay-as-you-go.
func (s *Subject) question() Question {
	return Question{
		Image: s.Image, Source: s.Source, Instance: s.Instance,
		Charge: Charge{Method: PayAsYouGo}, Duration: Whole(secondsPerHour),
	}
}

// alike is what images have in common that one question is asked for.
type alike struct {
	account     image.AccountID
	region      image.RegionID
	instance    Instance
	status      image.Status
	usable      image.Tri
	rule        RuleCode
	charged     Charged
	product     Product
	marketplace bool
	productCode image.ProductCode
	// licenceTypes are those of the image and of its source.
	licenceTypes [2]string
	// source is set where the price is that of a Marketplace image.
	source image.Ref
	// says is what an image without a source says of its system.
	says     OS
	imported bool
	// alone is the image itself where nothing proves that others are like it.
	alone image.ID
}

// inquiry is one question to DescribePrice, and its answers.
type inquiry struct {
	subject *Subject
	// urgent is lower for what the answer matters more to.
	urgent int
	seen   ObservedPrices
	unread []image.Unread
}

// inquiries are the different questions about subjects, the most urgent first,
// and the one of each subject.
func (h Hourly) inquiries(subjects []Subject) (all, of []*inquiry) {
	of = make([]*inquiry, len(subjects))
	known := map[alike]*inquiry{}
	for n := range subjects {
		s := &subjects[n]
		ruling := Judge(s.Image, s.Source, s.Image.Region)
		k := alikeTo(s, &ruling)
		if known[k] == nil {
			known[k] = &inquiry{subject: s, urgent: urgency(&ruling)}
			all = append(all, known[k])
		}
		of[n] = known[k]
	}
	slices.SortStableFunc(all, func(a, b *inquiry) int { return cmp.Compare(a.urgent, b.urgent) })
	return all, of
}

func alikeTo(s *Subject, r *Ruling) alike {
	k := alike{
		account: s.Account, region: s.Image.Region, instance: s.Instance, status: s.Image.Status, usable: s.Image.Usable,
		rule: r.Code, charged: r.Licence, product: r.Product, marketplace: r.Marketplace, productCode: r.ProductCode,
		licenceTypes: [2]string{s.Image.LicenseType, s.Source.LicenseType},
	}
	if r.Marketplace {
		k.source = image.Ref{Region: s.Source.Region, ID: s.Source.Image}
	}
	free := r.Licence == NotCharged && !r.Marketplace
	switch {
	case r.Sure == Fallback && free:
		k.says, k.imported = OSOf(s.Image), s.Image.Imported()
	case r.Sure == Fallback || r.Licence == Unsettled || s.Image.Kind == image.KindMarketplace:
		k.alone = s.Image.ID
	}
	return k
}

// urgency: first what only DescribePrice can tell, then what it may correct.
func urgency(r *Ruling) int {
	switch {
	case r.Licence == Unsettled:
		return 0
	case r.Marketplace:
		return 1
	case r.Licence == IsCharged:
		return 2
	}
	return 3
}

// ask puts the first inquiries to DescribePrice, a few at a time.
func (h Hourly) ask(ctx context.Context, inquiries []*inquiry) {
	var wait fanout.Group
	tickets := make(chan struct{}, inquiriesAtOnce)
	for n, i := range inquiries {
		reader := h.Readers[i.subject.Account]
		switch {
		case reader == nil || i.subject.Instance.Type == "":
			continue
		case n >= MostInquiries:
			i.seen.Refusal = &image.Reason{
				Code:     "notAsked",
				Sentence: "DescribePrice was not asked: the answer needs more different questions than are put to it at once; narrow what is asked",
			}
			continue
		}
		tickets <- struct{}{}
		wait.Go(func() {
			defer func() { <-tickets }()
			at := Place{Account: i.subject.Account, Region: i.subject.Image.Region, Reader: reader}
			i.seen, i.unread = Observe(ctx, at, i.subject.question(), h.Now)
		})
	}
	wait.Wait()
}
