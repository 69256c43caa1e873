package alicloud

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// maxAnswer is the longest body that is read. A page of 100 images has 200 KB.
const maxAnswer = 32 << 20

// product is one of the vendor's APIs, as RAM policies name it.
type product string

// The products that are called by RPC.
const (
	productECS product = "ecs"
	productSTS product = "sts"
	productESS product = "ess"
)

// call is one call of an operation of one product.
type call struct {
	product product
	action  string
	// region is where the call goes; for STS it is empty.
	region image.RegionID
	at     endpoint
	// build makes the request anew for every attempt: nonce and time differ.
	build func() requests.AcsRequest
	// read reads the answer; it may be asked again for another attempt.
	read func(*scanner) error
}

// what names a call in errors.
func (c call) what() string {
	if c.region == "" {
		return string(c.product) + ":" + c.action
	}
	return string(c.product) + ":" + c.action + " in " + string(c.region)
}

// reply is what came back, read whole.
type reply struct {
	status int
	header http.Header
	body   *bytes.Buffer
}

// do makes a reading call until it is answered, refused for good, or out of
// tries, time or budget. It fails with a *fault.Error: the last that ECS is the
// reason of, if there is one.
func (a *Account) do(ctx context.Context, account image.AccountID, c call) error {
	cloud := a.cloud
	gate := cloud.gate(account, c)
	var last *fault.Error
	for try := 1; ; try++ {
		failed := a.attempt(ctx, gate, c)
		if failed == nil {
			cloud.retries.earn()
			return nil
		}
		if last != nil && (errors.Is(failed, errTooLate) || errors.Is(failed, errStill)) {
			return last
		}
		last = failed
		if ctx.Err() != nil || try >= attempts(failed.Kind) || gate.hopeless() || !cloud.retries.spend() {
			return failed
		}
		pause := backoff(try, cloud.jitter())
		if failed.Kind == fault.Throttled {
			pause = 0 // the pace holds the call back
		}
		if err := sleep(ctx, time.Now(), pause); err != nil {
			return failed
		}
	}
}

// attempt makes a call once, at its time.
func (a *Account) attempt(ctx context.Context, gate gate, c call) *fault.Error {
	grant, err := a.source(ctx)
	if err != nil {
		return blame(err, c.what())
	}
	if err := gate.admit(ctx, a.cloud.slots); err != nil {
		return a.cloud.tooLate(err, c)
	}
	answer, sent := a.cloud.send(ctx, grant, c)
	failed := a.cloud.judge(answer, sent, grant.credentials, c)
	gate.settle(failed, answer, a.cloud.jitter())
	<-a.cloud.slots
	if answer.body != nil {
		a.cloud.buffers.Put(answer.body)
	}
	return failed
}

// tooLate says why a call never left.
func (c *Cloud) tooLate(err error, call call) *fault.Error {
	if errors.Is(err, errStill) {
		return fault.Wrap(fault.Throttled, err, "%s: ECS goes on throttling this account", call.what()).WithCode("stillThrottled")
	}
	if errors.Is(err, errTooLate) {
		return fault.Wrap(fault.Throttled, err, "%s: over the rate that may be used; its turn comes after the deadline", call.what()).WithCode("rateShare")
	}
	return fault.Wrap(fault.Unavailable, err, "%s: ended before it was sent", call.what())
}

// send signs a request, sends it and reads the answer whole. Its errors hold
// no address.
func (c *Cloud) send(ctx context.Context, g grant, call call) (reply, error) {
	request, err := c.signed(g, call)
	if err != nil {
		return reply{}, err
	}
	if late(ctx, time.Now()) {
		return reply{}, context.DeadlineExceeded
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.http.Do(request.WithContext(ctx))
	if err != nil {
		return reply{}, plain(err)
	}
	defer answer.Body.Close()
	r := reply{status: answer.StatusCode, header: answer.Header, body: c.buffers.Get().(*bytes.Buffer)}
	r.body.Reset()
	if _, err := r.body.ReadFrom(io.LimitReader(answer.Body, maxAnswer+1)); err != nil {
		return r, plain(err)
	}
	return r, nil
}

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
	switch {
	case errors.Is(sent, errRefusedAddress):
		return fault.Wrap(fault.Invalid, sent, "%s: the endpoint's address is not one that may be called", call.what()).WithCode("endpointRefused")
	case sent != nil:
		return fault.Wrap(fault.Unavailable, sent, "%s: no answer", call.what())
	case r.body.Len() > maxAnswer:
		return fault.New(fault.Unknown, "%s: the answer is too long", call.what()).WithCode("answerTooLong")
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
	s.reset(r.body.Bytes())
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
	s.reset(r.body.Bytes())
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
		failed.Permission = string(call.product) + ":" + call.action
	}
	if isRequestID(refused.requestID) && !secret.within(refused.requestID) {
		failed.RequestID = refused.requestID
	}
	return failed
}

// retryAfter returns how long ECS asks to wait, 0 if it does not: the header
// x-acs-retry-after in milliseconds, or what the quota headers say is left.
func retryAfter(h http.Header) time.Duration {
	if n, err := strconv.ParseUint(h.Get("X-Acs-Retry-After"), 10, 31); err == nil {
		return time.Duration(n) * time.Millisecond
	}
	said, _ := quotaIn(h)
	return said.left
}

// quotaIn reads "Limit:1000,Remain:3,TimeLeft:2000" in x-ratelimit-user-api and
// x-ratelimit-user, where ECS sends them: how many calls a window has, how many
// are left, and the milliseconds until calls are counted anew. Of both headers
// the one with less left counts, and the longer time.
func quotaIn(h http.Header) (said quotaSaid, ok bool) {
	for _, name := range []string{"X-Ratelimit-User-Api", "X-Ratelimit-User"} {
		numbers := make(map[string]int)
		for part := range strings.SplitSeq(h.Get(name), ",") {
			what, number, _ := strings.Cut(strings.TrimSpace(part), ":")
			if n, err := strconv.ParseUint(number, 10, 31); err == nil {
				numbers[what] = int(n)
			}
		}
		left := max(said.left, time.Duration(numbers["TimeLeft"])*time.Millisecond)
		remain, told := numbers["Remain"]
		if told && numbers["Limit"] > 0 && (!ok || remain < said.remain) {
			said.limit, said.remain, ok = numbers["Limit"], remain, true
		}
		said.left = left
	}
	return said, ok
}

// gate is the two paces that a call passes.
type gate struct {
	total, region *pace
}

// gate returns the paces of a call.
func (c *Cloud) gate(account image.AccountID, call call) gate {
	now := time.Now()
	g := gate{total: c.limits.pace(place{account: account, action: call.action}, now)}
	if call.region != "" {
		g.region = c.limits.pace(place{account: account, region: call.region, action: call.action}, now)
	}
	return g
}

// hopeless reports whether trying again soon is.
func (g gate) hopeless() bool {
	return g.total.hopeless() || g.region != nil && g.region.hopeless()
}

// admit waits until a call may leave, and takes one of slots.
func (g gate) admit(ctx context.Context, slots chan struct{}) error {
	slot := func() error {
		select {
		case slots <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if g.region == nil {
		return g.total.admit(ctx, slot)
	}
	return g.region.admit(ctx, func() error { return g.total.admit(ctx, slot) })
}

// settle tells the paces what became of a call. A backend's rejection slows
// its region down, any other throttling the whole account.
func (g gate) settle(failed *fault.Error, r reply, jitter float64) {
	blamed := g.total
	if failed != nil && failed.Code == "Rejected.Throttling" && g.region != nil {
		blamed = g.region
	}
	for _, p := range []*pace{g.total, g.region} {
		switch {
		case p == nil:
		case failed != nil && failed.Kind == fault.Throttled && p == blamed:
			p.throttled(time.Now(), retryAfter(r.header), jitter)
		case failed != nil && failed.Kind == fault.Unavailable:
			p.abandoned()
		default:
			p.answered()
			if said, ok := quotaIn(r.header); ok {
				p.tell(time.Now(), said, p == g.total, jitter)
			}
		}
	}
}
