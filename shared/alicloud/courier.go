package alicloud

import (
	"context"
	"errors"
	"net/http"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Courier sends the requests of another client of the vendor: only to hosts that
// may be called, and nothing after its deadline. Its failures hold no address
// and no secret. Safe for concurrent use.
type Courier struct{ cloud *Cloud }

// Courier returns the courier of c, for packages below this one.
func (c *Cloud) Courier() Courier { return Courier{cloud: c} }

// Do sends a request that is signed already; the context ends what is read of
// the answer, too.
func (k Courier) Do(r *http.Request) (*http.Response, error) {
	if !allowed(r.URL) {
		return nil, notThere()
	}
	sent := time.Now()
	if late(r.Context(), sent) {
		return nil, context.DeadlineExceeded
	}
	answer, err := k.cloud.http.Do(r)
	if err == nil {
		k.cloud.clock.watch(answer.Header, sent, time.Now())
		return answer, nil
	}
	if err = plain(err); errors.Is(err, errRefusedAddress) {
		err = notThere()
	}
	return nil, err
}

// Tell tells the Observer of a call that another client of the vendor has made:
// action as RAM names it, and how it failed, if it did.
func (k Courier) Tell(ctx context.Context, action string, account image.AccountID, requestID string, took time.Duration, failed error) {
	if k.cloud.observer == nil {
		return
	}
	if !isRequestID(requestID) {
		requestID = ""
	}
	k.cloud.observer(ctx, action, string(k.cloud.home), string(account), requestID, took, failed)
}

// notThere is the failure of a request to an address that may not be called.
func notThere() error {
	return fault.Wrap(fault.Invalid, errRefusedAddress, "the endpoint's address is not one that may be called").WithCode("endpointRefused")
}

// Home is the region where the process runs.
func (c *Cloud) Home() image.RegionID { return c.home }

// Jitter is a number in [0, 1) that spreads repeated calls in time.
func (c *Cloud) Jitter() float64 { return c.jitter() }

// Credentials returns credentials of the account that are good now, and assumes
// its role if need be.
func (a *Account) Credentials(ctx context.Context) (Credentials, error) {
	g, err := a.source(ctx)
	return g.credentials, err
}

// CheckEndpoint reads an override of an endpoint by Open's rules, and returns it
// as "scheme://host". It fails with fault.Invalid, naming field.
func CheckEndpoint(field, text string) (string, error) {
	e, err := parseEndpoint(field, text)
	if err != nil {
		return "", err
	}
	return e.scheme + "://" + e.host, nil
}
