package oss

import (
	"context"
	"errors"
	"net/http"
	"time"

	"imagekeeper/shared/fault"
)

// attempts is how often a call is tried at most.
const attempts = 4

// operation is one of OSS's. Which permissions a function needs is found by the
// constants of this type that it can reach.
type operation string

// The operations that are called.
const (
	getObject    operation = "GetObject"
	headObject   operation = "HeadObject"
	appendObject operation = "AppendObject"
	deleteObject operation = "DeleteObject"
	listObjects  operation = "ListObjectsV2"

	getBucketInfo operation = "GetBucketInfo"
)

// Permission is the RAM action that an operation takes, such as oss:PutObject for
// AppendObject. Source: "Grant access to OSS by using RAM policies".
func Permission(name string) string {
	// By their names: the constants would count as calls of them.
	switch name {
	case "AppendObject":
		name = "PutObject"
	case "HeadObject":
		name = "GetObject"
	case "ListObjectsV2":
		name = "ListObjects"
	}
	return "oss:" + name
}

// read makes a reading call until it is answered, refused for good, or out of
// tries or time.
func (b *Bucket) read(ctx context.Context, action operation, do func(context.Context) error) error {
	for try := 1; ; try++ {
		failed := b.once(ctx, action, do)
		if failed == nil {
			return nil
		}
		again := failed.Kind == fault.Unavailable || failed.Kind == fault.Unknown || failed.Kind == fault.Throttled
		if !again || try >= attempts || !b.pause(ctx, try) {
			return failed
		}
	}
}

// once makes one attempt, and tells of it.
func (b *Bucket) once(ctx context.Context, action operation, do func(context.Context) error) *fault.Error {
	var id string
	began := time.Now()
	limited, cancel := context.WithTimeout(context.WithValue(ctx, idKey{}, &id), b.timeout)
	defer cancel()
	failed := judge(action, do(limited))
	b.store.cloud.Courier().Tell(ctx, "oss:"+string(action), b.account.Named(), id, time.Since(began), orNil(failed))
	return failed
}

// idKey is of a context that takes the vendor's id of an answer.
type idKey struct{}

// noteID notes the vendor's id of an answer, where somebody wants to know.
func noteID(ctx context.Context, answer *http.Response) {
	if id, ok := ctx.Value(idKey{}).(*string); ok {
		*id = answer.Header.Get("X-Oss-Request-Id")
	}
}

// pause waits before the next try: anywhere up to a bound that doubles. It
// reports false if the time is up before that.
func (b *Bucket) pause(ctx context.Context, try int) bool {
	wait := time.Duration(b.store.cloud.Jitter() * float64(100*time.Millisecond<<min(try, 5)))
	if end, limited := ctx.Deadline(); limited && time.Now().Add(wait).After(end) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// judge turns an error into the failure that it is. Of the texts of others
// nothing is kept: they hold addresses, and what the server sent.
func judge(action operation, err error) *fault.Error {
	var known *fault.Error
	var refused refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		return judgeRefusal(action, refused)
	case errors.Is(err, errDamaged):
		return fault.New(fault.Unknown, "oss:%s: the answer is short, damaged or malformed", action).WithCode("answerMalformed")
	}
	return fault.New(fault.Unavailable, "oss:%s: no answer", action)
}

// judgeRefusal reads an error answer.
func judgeRefusal(action operation, refused refusal) *fault.Error {
	kind, documented := kindOf(refused.Status, refused.Code)
	failed := fault.New(kind, "oss:%s: refused with status %d", action, refused.Status)
	if documented {
		failed = fault.New(kind, "oss:%s: refused with %s", action, refused.Code).WithCode(refused.Code)
	}
	if kind == fault.Forbidden {
		failed.Permission = Permission(string(action))
	}
	if requestID(refused.RequestID) {
		failed.RequestID = refused.RequestID
	}
	return failed
}

// requestID reports whether text looks like OSS's: 24 hexadecimal digits.
func requestID(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return len(text) == 24
}

// kindOf returns the kind of a refusal, and whether the code is a documented one.
// An error answer without a code is none.
func kindOf(status int, code string) (fault.Kind, bool) {
	if kind, ok := codes()[code]; ok {
		return kind, true
	}
	switch {
	case status >= 500:
		return fault.Unavailable, false
	case status == http.StatusTooManyRequests:
		return fault.Throttled, false
	case status == http.StatusUnauthorized:
		return fault.Unauthenticated, false
	case status == http.StatusForbidden:
		return fault.Forbidden, false
	case status < 400, code == "":
		return fault.Unknown, false
	}
	return fault.Internal, false
}
