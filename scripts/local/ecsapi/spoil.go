package ecsapi

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

// errReset asks that the connection be reset instead of answered.
var errReset = errors.New("the connection shall be reset")

// isGone reports whether there is nobody to answer, or nothing to.
func isGone(err error) bool {
	return errors.Is(err, errReset) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// spoil does what the fault wants of a call. The kinds that change only the
// bytes of the answer are left to conclude.
func (s *Server) spoil(ctx context.Context, c *call, f Fault) (answer, error) {
	switch f.Kind {
	case FaultThrottle:
		return nil, throttled(time.Duration(f.RetryAfterMS) * time.Millisecond)
	case Fault500:
		return nil, internalError()
	case Fault503:
		return nil, serviceUnavailable()
	case FaultDenied:
		return nil, denied(c.product)
	case FaultReset:
		return nil, errReset
	case FaultHang:
		_ = sleep(ctx, maxHang)
		return nil, errReset
	}
	a, err := s.run(c)
	if err != nil {
		return nil, err
	}
	if list, ok := a.(listing); ok {
		return s.spoilPage(c, list, f.Kind)
	}
	return a, nil
}

// listing is an answer that is a list.
type listing interface {
	answer
	// content is the rows.
	content() editable
	// place is where the page says what it is.
	place() *pagePlace
}

// editable are the rows of a page, of whatever type.
type editable interface {
	length() int
	// keep leaves the rows from, up to and without to.
	keep(from, to int)
	// follow appends the first row of a page of the same type.
	follow(next editable)
	// repeatFirst puts the first row in the place of the last; a row that is
	// alone is doubled.
	repeatFirst()
}

// rows are the rows of a page; they are never nil, which would be written as null.
type rows[T any] []T

func (r *rows[T]) length() int { return len(*r) }

func (r *rows[T]) keep(from, to int) { *r = slices.Clone((*r)[from:to]) }

func (r *rows[T]) follow(next editable) {
	if more, ok := next.(*rows[T]); ok && len(*more) > 0 {
		*r = append(*r, (*more)[0])
	}
}

func (r *rows[T]) repeatFirst() {
	switch n := len(*r); n {
	case 0:
	case 1:
		*r = append(*r, (*r)[0])
	default:
		*r = slices.Clone(*r)
		(*r)[n-1] = (*r)[0]
	}
}

// spoilPage makes a page wrong. What is served is always well formed, and a
// client that compares pages and counts can tell that it is wrong.
func (s *Server) spoilPage(c *call, page listing, kind FaultKind) (answer, error) {
	all := page.content()
	switch kind {
	case FaultAuthorisedEmpty:
		all.keep(0, 0)
		page.place().empty()
	case FaultShortPage:
		all.keep(0, all.length()/2)
	case FaultRepeatedPage:
		return s.repeatPage(c, page)
	case FaultStalePage:
		return s.stalePage(c, page)
	}
	return page, nil
}

// repeatPage serves the page before again, by number, under the number asked
// for; by token it serves the first page again, its token included.
func (s *Server) repeatPage(c *call, page listing) (answer, error) {
	asked := page.place().number()
	if c.parameters.values["NextToken"] != "" {
		c.parameters = c.parameters.with("NextToken", "")
		return s.again(c)
	}
	before, err := s.numberedPage(c, asked-1)
	if err != nil {
		return nil, err
	}
	before.place().renumber(asked)
	return before, nil
}

// stalePage serves a page as it was before the newest row existed, from rows
// that lag behind the count: by number its first row is missing, the first of
// the next page ends it, and TotalCount is today's. By token, where pages do
// not count, rows moved while they were read: the first comes twice and the
// last is missing.
func (s *Server) stalePage(c *call, page listing) (answer, error) {
	all := page.content()
	if c.op.lists != numbered && (page.place().tokens() || c.parameters.values["PageNumber"] == "") {
		all.repeatFirst()
		return page, nil
	}
	if all.length() == 0 {
		return page, nil
	}
	next, err := s.numberedPage(c, page.place().number()+1)
	if err != nil {
		return nil, err
	}
	all.keep(1, all.length())
	all.follow(next.content())
	return page, nil
}

// numberedPage does the call again for another page.
func (s *Server) numberedPage(c *call, number int) (listing, error) {
	c.parameters = c.parameters.with("PageNumber", strconv.Itoa(number))
	a, err := s.again(c)
	if err != nil {
		return nil, err
	}
	page, ok := a.(listing)
	if !ok {
		return nil, internalError()
	}
	return page, nil
}
