package alicloud

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// pageSize is the most rows that a page of most operations holds; DescribeDisks
// allows more.
const pageSize = 100

// mostRows bounds one listing; more than that cannot be what ECS means.
const mostRows = 1_000_000

// listingTries is how often a listing is read that changes while it is read.
const listingTries = 4

// errShifted says that pages of one listing do not belong together: something
// changed while they were read, or some of it was not there.
var errShifted = errors.New("the pages do not make one list")

// listing is one list of rows of one operation.
type listing[T any] struct {
	operation operation
	account   image.AccountID
	region    image.RegionID
	shape     shape[T]
	// size is how many rows a page is asked to have.
	size int
	// request makes the request for a page: by number, from 1, or by token.
	request func(number int, token string) params
	// key tells rows apart; a row without one is malformed.
	key func(*T) string
	// check looks at each row: whether it is what was asked for, and complete.
	check func(*T) error
	// echo looks at what an answer repeats of the request, if set.
	echo func(mark) error
	// never tells that the list is never empty: what is always there was asked for.
	never bool
}

// errNotAsked says that an answer is about something else.
var errNotAsked = errors.New("the answer is not what was asked for")

// page reads one page into room.
func (l listing[T]) page(ctx context.Context, a *Account, number int, token string, room []T) (answer[T], error) {
	var got answer[T]
	err := a.do(ctx, l.account, call{
		operation: l.operation, region: l.region,
		given: l.request(number, token),
		read: func(s *scanner) (err error) {
			if got, err = l.shape.read(s, room, l.size); got.over {
				return l.contradiction()
			}
			if err != nil {
				return err
			}
			return l.verify(got, number)
		},
	})
	return got, err
}

// verify checks what one page says of itself and each of its rows. number is
// 0 for pages read by token.
func (l listing[T]) verify(got answer[T], number int) error {
	if got.region != "" && got.region != l.region {
		return l.contradiction()
	}
	if l.echo != nil {
		if err := l.echo(got.mark); err != nil {
			return l.contradiction()
		}
	}
	if number > 0 && !l.counts(got, number) {
		return l.contradiction()
	}
	for i := range got.rows {
		if l.key(&got.rows[i]) == "" {
			return errMalformed
		}
		if err := l.check(&got.rows[i]); err != nil {
			return l.contradiction()
		}
	}
	return nil
}

// counts reports whether a page read by number has as many rows as it must.
func (l listing[T]) counts(got answer[T], number int) bool {
	if got.total < 0 || got.total > mostRows || got.number >= 0 && got.number != number || got.size >= 0 && got.size != l.size {
		return false
	}
	return len(got.rows) == min(l.size, max(0, got.total-(number-1)*l.size))
}

// contradiction is the failure of an answer that cannot be right.
func (l listing[T]) contradiction() error {
	return fault.New(fault.Unknown, "%s in %s: the answer contradicts itself or what was asked", l.operation, l.region).WithCode("answerContradictory")
}

// settled reads a listing again until its pages belong together. A list that
// is never empty, or was not a moment ago, is not believed to be empty.
func (l listing[T]) settled(ctx context.Context, a *Account, read func(context.Context, *Account) ([]T, error)) ([]T, error) {
	for try := 1; ; try++ {
		found, err := read(ctx, a)
		if err == nil && len(found) == 0 && (l.never || try > 1) {
			err = errShifted
		}
		if err == nil {
			return found, nil
		}
		if !errors.Is(err, errShifted) {
			return nil, err
		}
		unsettled := fault.Wrap(fault.Unknown, err, "%s in %s: no whole list came, read %d times", l.operation, l.region, try).WithCode("listUnsettled")
		if try == listingTries || !a.cloud.retries.spend() {
			return nil, unsettled
		}
		if sleep(ctx, time.Now(), backoff(try, a.cloud.jitter())) != nil {
			return nil, unsettled
		}
	}
}

// byNumber reads all pages of a listing by their numbers: the first, which
// tells how many there are, then the rest at once.
func (l listing[T]) byNumber(ctx context.Context, a *Account) ([]T, error) {
	return l.settled(ctx, a, l.numbered)
}

// numbered is one reading of byNumber.
func (l listing[T]) numbered(ctx context.Context, a *Account) ([]T, error) {
	first, err := l.page(ctx, a, 1, "", nil)
	if err != nil {
		return nil, err
	}
	if first.total <= l.size {
		return first.rows, l.distinct(first.rows)
	}
	all := make([]T, first.total)
	copy(all, first.rows)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(a.cloud.slots))
	for number := 2; (number-1)*l.size < first.total; number++ {
		from := (number - 1) * l.size
		to := min(from+l.size, first.total)
		group.Go(fanout.Contained(func() error {
			got, err := l.page(ctx, a, number, "", all[from:from:to])
			if err != nil {
				return err
			}
			if got.total != first.total {
				return errShifted
			}
			return nil
		}))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, l.distinct(all)
}

// distinct fails with errShifted if a row is there twice.
func (l listing[T]) distinct(all []T) error {
	seen := make(map[string]struct{}, len(all))
	for i := range all {
		seen[l.key(&all[i])] = struct{}{}
	}
	if len(seen) != len(all) {
		return errShifted
	}
	return nil
}

// byToken reads all pages of a listing, each of which names the next.
func (l listing[T]) byToken(ctx context.Context, a *Account) ([]T, error) {
	return l.settled(ctx, a, l.tokened)
}

// tokened is one reading of byToken. It follows the tokens until one is empty.
// An answer without any token is the last one only if it leaves no doubt, and
// a count that is higher than what came, where there is one, is a doubt.
func (l listing[T]) tokened(ctx context.Context, a *Account) ([]T, error) {
	var all []T
	used := map[string]bool{"": true}
	counted := 0
	for token := ""; ; {
		got, err := l.page(ctx, a, 0, token, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, got.rows...)
		counted = max(counted, got.total)
		switch {
		case got.token != "" && (used[got.token] || len(all) > mostRows):
			return nil, errShifted
		case got.token != "":
			token = got.token
			used[token] = true
			continue
		case counted > len(all):
			return nil, errShifted
		case !got.tokened && len(got.rows) == l.size && counted != len(all):
			return nil, l.contradiction()
		}
		return all, l.distinct(all)
	}
}
