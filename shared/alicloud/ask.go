package alicloud

import (
	"context"

	"imagekeeper/shared/image"
)

// question is one call whose answer is one object.
type question[T any] struct {
	operation operation
	account   image.AccountID
	region    image.RegionID
	given     params
	// fields read the answer; RequestId is read beside them.
	fields fields[T]
	// whole reports whether an answer has what it must, if set.
	whole func(T) bool
	// changes and token are those of call.
	changes bool
	token   string
}

// ask asks one question. It fails with fault.Unknown for an answer without a
// request id, or without what it must have.
func ask[T any](ctx context.Context, a *Account, q question[T]) (T, error) {
	var got T
	c := call{
		operation: q.operation, region: q.region, given: q.given, token: q.token,
		read: func(s *scanner) error {
			var requestID string
			got = *new(T)
			s.object(func(key []byte) {
				if string(key) == "RequestId" {
					requestID = s.str()
				} else if field, ok := q.fields[string(key)]; ok {
					field(s, &got)
				} else {
					s.skip()
				}
			})
			if err := s.end(); err != nil || requestID == "" || q.whole != nil && !q.whole(got) {
				return errMalformed
			}
			return nil
		},
	}
	var err error
	if q.changes {
		err = a.change(ctx, q.account, c)
	} else {
		err = a.do(ctx, q.account, c)
	}
	if err != nil {
		return *new(T), err
	}
	return got, nil
}

// done is an answer that says nothing but that it was done.
type done struct{}
