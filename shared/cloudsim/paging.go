package cloudsim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pages asks for one page by number. Zero means absent: the first page, ten
// rows. A negative number, or a size above the operation's, is refused; the
// wire passes an explicit 0 as -1.
type Pages struct{ Number, Size int }

// PageMark is what a page-number answer says of itself.
type PageMark struct{ Number, Size, Total int }

// Tokens asks for a page by token. MaxResults is clamped, never refused; zero
// means absent. Pages is the retiring style of the same operations and counts
// only when neither Next nor MaxResults is given.
type Tokens struct {
	Next       string
	MaxResults int
	Pages      Pages
}

// TokenMark is what a token answer says of itself. Next is empty on the last
// page. Mark is filled in the page-number style; in the token style it has the
// Total only.
type TokenMark struct {
	Next string
	Mark PageMark
}

// pageMark checks a page-number request against the operation's largest page.
func pageMark(p Pages, most int) (PageMark, error) {
	if p.Number < 0 || p.Size < 0 || p.Size > most {
		return PageMark{}, malformed(400, "InvalidParameter", "The specified parameter \"PageNumber\" or \"PageSize\" is not valid.")
	}
	return PageMark{Number: max(p.Number, 1), Size: orDefault(p.Size, 10)}, nil
}

func orDefault(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}

// cut returns the rows of the page.
func cut[T any](rows []T, mark PageMark) []T {
	if mark.Number-1 > len(rows)/mark.Size {
		return nil
	}
	from := min((mark.Number-1)*mark.Size, len(rows))
	return rows[from:min(from+mark.Size, len(rows))]
}

// A place in a list is the last row that was shown: the next page has what
// comes after it, whatever else came or went meanwhile.
func tokenAfter[T any](scope string, e *entry[T]) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%x.%d.%s", mix(0, scope), e.created.UnixNano(), e.id))
}

// afterToken reads a token; it refuses one made for another scope.
func afterToken[T any](scope, token string) (*entry[T], error) {
	bad := malformed(400, "InvalidParameter.NextToken", "The specified parameter NextToken is not valid.")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, bad
	}
	parts := strings.SplitN(string(raw), ".", 3)
	if len(parts) != 3 || parts[0] != fmt.Sprintf("%x", mix(0, scope)) {
		return nil, bad
	}
	nanos, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, bad
	}
	return &entry[T]{id: parts[2], created: time.Unix(0, nanos).UTC()}, nil
}

// tokenPage cuts a list in either style. The scope names caller, region and
// filters: a token counts for these alone.
func tokenPage[T any](rows []*entry[T], t Tokens, scope string, most int) ([]*entry[T], TokenMark, error) {
	if t.Next == "" && t.MaxResults == 0 && t.Pages != (Pages{}) {
		mark, err := pageMark(t.Pages, most)
		mark.Total = len(rows)
		return cut(rows, mark), TokenMark{Mark: mark}, err
	}
	size := max(10, min(t.MaxResults, most))
	from := 0
	if t.Next != "" {
		last, err := afterToken[T](scope, t.Next)
		if err != nil {
			return nil, TokenMark{}, err
		}
		at, found := slices.BinarySearchFunc(rows, last, newest)
		if found {
			at++
		}
		from = at
	}
	page := rows[from:min(from+size, len(rows))]
	answer := TokenMark{Mark: PageMark{Total: len(rows)}}
	if from+size < len(rows) {
		answer.Next = tokenAfter(scope, page[len(page)-1])
	}
	if t.Next == "" && t.MaxResults == 0 {
		answer.Mark.Number, answer.Mark.Size = 1, size
	}
	return page, answer, nil
}
