package alicloud

import (
	"imagekeeper/shared/image"
)

// fields says how to read each member of an object of type T; members that are
// not in it are skipped. Keys are ECS's, exactly.
type fields[T any] map[string]func(s *scanner, into *T)

// read reads the next object into v.
func (f fields[T]) read(s *scanner, v *T) {
	s.object(func(key []byte) {
		if field, ok := f[string(key)]; ok {
			field(s, v)
			return
		}
		s.skip()
	})
}

// mark is what every answer says of itself, beside what was asked for.
type mark struct {
	requestID image.RequestID
	// region and image repeat what was asked, if given.
	region image.RegionID
	image  image.ID
	// total, number and size are -1 when the answer does not say.
	total, number, size int
	// token leads to the next page; tokened tells whether the answer had one,
	// if only an empty one.
	token   string
	tokened bool
}

// answer is one page of rows of type T.
type answer[T any] struct {
	mark
	rows []T
	// lists is how often the list was there; anything but once is malformed.
	lists int
	// over: there are more rows than were asked for; the rest was not read.
	over bool
}

// shape says where the rows are in an answer, and how one of them is read:
// {"<outer>":{"<inner>":[row, row]}}, or {"<outer>":[row, row]} without inner.
type shape[T any] struct {
	outer, inner string
	// within is a member in which all of it stands, but the request's id; mostly none.
	within string
	row    fields[T]
}

// read reads one whole answer of at most so many rows, appending them to room. It
// fails on everything that is not an answer of this shape.
func (h shape[T]) read(s *scanner, room []T, most int) (answer[T], error) {
	a := answer[T]{mark: mark{total: -1, number: -1, size: -1}, rows: room}
	if s.peek() != '{' {
		return a, errMalformed
	}
	member := func(key []byte) {
		if string(key) == h.outer {
			h.list(s, &a, most)
			return
		}
		a.note(s, key)
	}
	s.object(func(key []byte) {
		if h.within != "" && string(key) == h.within {
			s.object(member)
			return
		}
		member(key)
	})
	if err := s.end(); err != nil {
		return a, err
	}
	if a.requestID == "" || a.lists != 1 {
		return a, errMalformed
	}
	return a, nil
}

// list reads what is in outer.
func (h shape[T]) list(s *scanner, a *answer[T], most int) {
	if h.inner == "" && s.peek() == '[' {
		h.rows(s, a, most)
		return
	}
	s.object(func(key []byte) {
		if string(key) != h.inner || s.peek() != '[' {
			s.skip()
			return
		}
		h.rows(s, a, most)
	})
}

// rows reads [row, row].
func (h shape[T]) rows(s *scanner, a *answer[T], most int) {
	a.lists++
	s.array(func() {
		if a.over = len(a.rows) >= most; a.over || s.peek() != '{' {
			s.fail()
			return
		}
		var row T
		h.row.read(s, &row)
		a.rows = append(a.rows, row)
	})
}

// note reads one member that stands beside the list.
func (m *mark) note(s *scanner, key []byte) {
	switch string(key) {
	case "RequestId":
		m.requestID = image.RequestID(s.str())
	case "RegionId":
		m.region = image.RegionID(s.str())
	case "ImageId":
		m.image = image.ID(s.str())
	case "TotalCount":
		m.total = s.count()
	case "PageNumber":
		m.number = s.count()
	case "PageSize":
		m.size = s.count()
	case "NextToken":
		m.token, m.tokened = s.str(), true
	default:
		s.skip()
	}
}

// refusal is an error answer: {"RequestId":…,"Code":…,"Message":…}. Message is
// not kept, because it repeats parameters, credentials among them.
type refusal struct {
	requestID string
	code      string
}

// readRefusal reads an error answer. It fails on what is none.
func readRefusal(s *scanner) (refusal, error) {
	var r refusal
	if s.peek() != '{' {
		return r, errMalformed
	}
	s.object(func(key []byte) {
		switch string(key) {
		case "RequestId":
			r.requestID = s.str()
		case "Code":
			r.code = s.str()
		default:
			s.skip()
		}
	})
	if err := s.end(); err != nil || r.code == "" {
		return refusal{}, errMalformed
	}
	return r, nil
}
