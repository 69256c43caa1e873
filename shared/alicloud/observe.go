package alicloud

import (
	"context"
	"net/http"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Observer is told of one attempt of one call that left: what it was (as RAM
// names it, ecs:DescribeImages), where, in which account (empty for the question
// who the caller is), the vendor's id of its answer, how long it took, and how it
// failed, nil if it did not. Its context is that of the caller. It holds no
// secret. It is called by many goroutines at once and must not block.
type Observer func(ctx context.Context, action, region, account, requestID string, took time.Duration, failed error)

// told is what an Observer is told.
type told struct {
	call    call
	account image.AccountID
	header  http.Header
	took    time.Duration
	failed  *fault.Error
}

// tell tells the observer, if there is one.
func (c *Cloud) tell(ctx context.Context, t told) {
	if c.observer == nil {
		return
	}
	id := t.header.Get("X-Acs-Request-Id")
	var failed error
	if t.failed != nil {
		failed, id = t.failed, either(t.failed.RequestID, id)
	}
	if !isRequestID(id) {
		id = ""
	}
	c.observer(ctx, string(t.call.operation), string(t.call.region), string(t.account), id, t.took, failed)
}
