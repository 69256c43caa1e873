package alicloud

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// call is one call of an operation of one product.
type call struct {
	operation operation
	// region is where the call goes; for STS it is empty.
	region image.RegionID
	given  params
	// read reads the answer; it may be asked again for another attempt.
	read func(*scanner) error
	// changes: it changes something; token is the client token by which the vendor
	// knows a repeat, if the operation takes one.
	changes bool
	token   string
}

// what names a call in errors.
func (c call) what() string {
	if c.region == "" {
		return string(c.operation)
	}
	return string(c.operation) + " in " + string(c.region)
}

// reply is what came back, read whole.
type reply struct {
	status int
	header http.Header
	body   body
}

// do makes a reading call until it is answered, refused for good, or out of
// tries, time or budget. A call that is throttled has all the time of its caller,
// or patience if that has no end. It fails with a *fault.Error: the last that the
// vendor is the reason of, if there is one.
func (a *Account) do(ctx context.Context, account image.AccountID, c call) error {
	tries := attempts{cloud: a.cloud, pacer: a.cloud.pacer(account, c), began: time.Now()}
	for {
		failed := a.attempt(ctx, account, tries.pacer, c)
		if failed == nil {
			a.cloud.retries.earn()
			return nil
		}
		before := tries.last
		last, again := tries.again(ctx, failed, repeatable(failed))
		switch {
		case again:
		case before != nil && before.Kind == fault.Throttled && cut(ctx, failed):
			return before
		default:
			return last
		}
	}
}

// cut reports whether an attempt failed because its caller's time was up: nothing is
// known of it then, and what was known before stays.
func cut(ctx context.Context, failed *fault.Error) bool {
	return ctx.Err() != nil && failed.Kind == fault.Unavailable && (errors.Is(failed, context.DeadlineExceeded) || errors.Is(failed, context.Canceled))
}

// attempt makes a call once, at its time.
func (a *Account) attempt(ctx context.Context, account image.AccountID, p *pacer, c call) *fault.Error {
	grant, err := a.source(ctx)
	if err != nil {
		return blame(err, c.what())
	}
	slot := func() error {
		select {
		case a.cloud.slots <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := p.admit(ctx, slot); err != nil {
		return tooLateFor(err, c, p)
	}
	sent := time.Now()
	answer, err := a.cloud.send(ctx, grant, c)
	failed := a.cloud.judge(answer, err, grant.credentials, c)
	o := a.cloud.outcome(failed, answer, sent)
	p.settle(o)
	<-a.cloud.slots
	a.cloud.bodies.put(answer.body)
	if failed != nil && failed.Kind == fault.Throttled {
		failed.RetryAfter = p.resting(o.now)
	}
	if left(err) {
		a.cloud.tell(ctx, told{call: c, account: account, header: answer.header, took: o.now.Sub(sent), failed: failed})
	}
	return failed
}

// tooLateFor says why a call never left.
func tooLateFor(err error, call call, p *pacer) *fault.Error {
	switch late := errors.Is(err, errTooLate); {
	case late && p.unanswered():
		return fault.Wrap(fault.Unavailable, err, "%s: no answer to the calls before it; its turn comes after the deadline", call.what()).WithCode(codeNotSent)
	case late:
		failed := fault.Wrap(fault.Throttled, err, "%s: over the rate that may be used; its turn comes after the deadline", call.what()).WithCode(codeRateShare)
		failed.RetryAfter = p.resting(time.Now())
		return failed
	}
	return fault.Wrap(fault.Unavailable, err, "%s: ended before it was sent", call.what()).WithCode(codeNotSent)
}

// Codes of calls that never left.
const (
	codeRateShare = "rateShare"
	codeNotSent   = "notSent"
)

// notSent reports whether a failure is that of a call that never left.
func notSent(err *fault.Error) bool { return err.Code == codeRateShare || err.Code == codeNotSent }

// left reports whether a call left, by what send said.
func left(err error) bool {
	var known *fault.Error
	return !errors.As(err, &known) && !errors.Is(err, errUnsigned) && !errors.Is(err, errRefusedAddress) && !errors.Is(err, errOver)
}

// send signs a request, sends it and reads the answer whole. Its errors hold
// no address.
func (c *Cloud) send(ctx context.Context, g grant, call call) (reply, error) {
	now := time.Now()
	if late(ctx, now) {
		return reply{}, errOver
	}
	as := now
	if call.changes {
		var no *fault.Error
		if as, no = c.signAt(ctx, now); no != nil {
			return reply{}, no
		}
	}
	request, err := c.signed(g, call, as)
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.http.Do(request.WithContext(ctx))
	if err != nil {
		return reply{}, plain(err)
	}
	defer func() { _ = answer.Body.Close() }()
	c.clock.watch(answer.Header, now, time.Now())
	r := reply{status: answer.StatusCode, header: answer.Header}
	if r.body, err = c.bodies.read(ctx, answer); err != nil {
		return r, plain(err)
	}
	return r, nil
}

// errOver says that the time in which a call may leave was over.
const errOver = over("the time to send it is over")

type over string

func (o over) Error() string { return string(o) }

// late reports whether the context's deadline is over by the clock on the wall: a
// process that was frozen past its deadline must not send what it was about to,
// before its timers have noticed.
func late(ctx context.Context, now time.Time) bool {
	end, limited := ctx.Deadline()
	return limited && !now.Round(0).Before(end.Round(0))
}

// plain reduces a transport's error to words of a closed list: addresses carry
// the signed parameters, and what a server sent may repeat them.
func plain(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var dns *net.DNSError
	var number syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, errRefusedAddress):
		return errRefusedAddress
	case errors.Is(err, errTooLong):
		return errTooLong
	case errors.As(err, &dns):
		return errors.New("the name of the endpoint was not resolved")
	case errors.As(err, &number):
		return number
	case errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return errors.New("the connection failed")
}

// judge turns what came back into nil or the failure that it is.
func (c *Cloud) judge(r reply, sent error, secret Credentials, call call) *fault.Error {
	var known *fault.Error
	switch {
	case errors.As(sent, &known):
		return known
	case errors.Is(sent, errOver):
		return fault.Wrap(fault.Unavailable, sent, "%s: not sent", call.what()).WithCode(codeNotSent)
	case errors.Is(sent, errUnsigned):
		return fault.Wrap(fault.Internal, sent, "%s: not sent", call.what()).WithCode(codeNotSent)
	case errors.Is(sent, errTooLong):
		return fault.New(fault.Unknown, "%s: the answer is too long", call.what()).WithCode("answerTooLong")
	case errors.Is(sent, errRefusedAddress):
		return fault.Wrap(fault.Invalid, sent, "%s: the endpoint's address is not one that may be called", call.what()).WithCode("endpointRefused")
	case sent != nil:
		return fault.Wrap(fault.Unavailable, sent, "%s: no answer", call.what())
	case r.status == http.StatusOK:
		return c.readAnswer(r, call)
	case r.status >= 400:
		return c.readRefusal(r, secret, call)
	}
	return fault.New(fault.Unknown, "%s: answered with status %d", call.what(), r.status).WithCode("answerStatus")
}

// readAnswer lets the call read its answer.
func (c *Cloud) readAnswer(r reply, call call) *fault.Error {
	s := c.scanners.Get().(*scanner)
	defer c.scanners.Put(s)
	s.reset(r.body.text)
	err := call.read(s)
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return fault.Wrap(fault.Unknown, err, "%s: the answer is empty or malformed", call.what()).WithCode("answerMalformed")
}

// readRefusal reads an error answer.
func (c *Cloud) readRefusal(r reply, secret Credentials, call call) *fault.Error {
	s := c.scanners.Get().(*scanner)
	defer c.scanners.Put(s)
	s.reset(r.body.text)
	refused, err := readRefusal(s)
	switch {
	case err == nil && isCode(refused.code) && !secret.within(refused.code):
	case r.status >= 500:
		return fault.New(fault.Unavailable, "%s: status %d", call.what(), r.status)
	case r.status == http.StatusTooManyRequests:
		return fault.New(fault.Throttled, "%s: status %d", call.what(), r.status)
	default:
		return fault.New(fault.Unknown, "%s: status %d without a reason", call.what(), r.status).WithCode("answerMalformed")
	}
	failed := fault.New(c.codes().kind(r.status, refused.code), "%s: refused with %s", call.what(), refused.code).WithCode(refused.code)
	if failed.Kind == fault.Forbidden {
		failed.Permission = string(call.operation)
	}
	if isRequestID(refused.requestID) && !secret.within(refused.requestID) {
		failed.RequestID = refused.requestID
	}
	return failed
}

// retryAfter returns how long ECS asks to wait, 0 if it does not: the header
// x-acs-retry-after in milliseconds, or what the quota headers say.
func retryAfter(h http.Header, said quotaSaid) time.Duration {
	if n, err := strconv.ParseUint(h.Get("X-Acs-Retry-After"), 10, 31); err == nil {
		return time.Duration(n) * time.Millisecond
	}
	return said.left
}
