package ecsapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// Clock tells the time by which time stamps, nonces and rates go.
type Clock interface{ Now() time.Time }

// Options say how a server serves. The zero value serves as documented.
type Options struct {
	// RatePerMinute is how many calls of one action one account has in any 60
	// seconds; 0: the documented rates, -1: no limit.
	RatePerMinute int
	// SilentRates: answers do not say what is left of the rate. The vendor's SDKs
	// read it from a header; that every answer has it is not proven.
	SilentRates bool
	// Latency is added to each call.
	Latency time.Duration
	// Strict refuses parameters that the operation does not have; otherwise
	// they are logged.
	Strict bool
	// Log takes a line for what is odd; nil: nothing is logged.
	Log *slog.Logger
	// Clock is the one that clients sign by; nil: the machine's. The cloud has
	// its own clock for its states, so that a test may move that one alone.
	Clock Clock
	// CloudClock is the cloud's own, by which assumed sessions expire; nil:
	// Clock. A cloud that was given a clock needs it here, too.
	CloudClock Clock
	// Functions are those that InvokeFunction calls; without a handler there are none.
	Functions Functions
	// Advance moves the cloud's clock, for POST /_local/clock; nil: it is refused.
	Advance func(time.Duration)
}

// maxBody is the longest form that is read.
const maxBody = 1 << 20

// maxNonces bounds how many used nonces a generation holds: 12 MB.
const maxNonces = 1 << 19

// Server answers for a cloud. It is an http.Handler, safe for concurrent use.
type Server struct {
	cloud      *cloudsim.Cloud
	options    Options
	log        *slog.Logger
	clock      Clock
	cloudClock Clock
	operations map[string]*operation
	nonces     *nonces
	meters     *meters
	faults     *faults
	calls      *journal
	admin      http.Handler
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

// New returns a server for cloud.
func New(cloud *cloudsim.Cloud, options Options) *Server {
	s := &Server{
		cloud: cloud, options: options, log: options.Log, clock: options.Clock, cloudClock: options.CloudClock,
		operations: operations(), nonces: newNonces(maxNonces), meters: newMeters(),
		faults: &faults{}, calls: newJournal(maxCalls),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock == nil {
		s.clock = machineClock{}
	}
	if s.cloudClock == nil {
		s.cloudClock = s.clock
	}
	s.admin = s.adminRoutes()
	return s
}

// ServeHTTP answers an API call, on any path, a call of a function on its own,
// or an administrative one under /_local/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_local/") {
		s.admin.ServeHTTP(w, r)
		return
	}
	if s.options.Functions.Handler != nil && strings.HasPrefix(r.URL.Path, invocations()) {
		s.invoke(w, r)
		return
	}
	c := s.open(r)
	defer func() {
		if c.counted {
			s.meters.finish(c.subject())
		}
	}()
	answer, err := s.perform(r, c)
	s.conclude(w, c, answer, err)
}

// perform does what a call asks for.
func (s *Server) perform(r *http.Request, c *call) (answer, error) {
	if err := s.identify(r, c); err != nil {
		return nil, err
	}
	wait, left := s.meters.admit(c.place(), s.limit(c.op), c.at)
	c.counted = true
	if !s.options.SilentRates {
		c.quota = left
	}
	if err := sleep(r.Context(), s.options.Latency); err != nil {
		return nil, err
	}
	if wait > 0 {
		return nil, throttled(wait)
	}
	fault, met := s.faults.take(c)
	if !met {
		return s.run(c)
	}
	c.fault = fault.Kind
	s.meters.faulted(c.subject())
	if err := sleep(r.Context(), time.Duration(fault.DelayMS)*time.Millisecond); err != nil {
		return nil, err
	}
	return s.spoil(r.Context(), c, fault)
}

// limit is how many calls of op an account has per window; 0: any number.
func (s *Server) limit(op *operation) int {
	switch {
	case s.options.RatePerMinute < 0:
		return 0
	case s.options.RatePerMinute > 0:
		return s.options.RatePerMinute
	}
	return op.perMinute
}

// run checks the parameters of a call and does it.
func (s *Server) run(c *call) (answer, error) {
	checked, surplus, no := check(c.op, c.pairs)
	if no != nil {
		return nil, no
	}
	if len(surplus) > 0 {
		if s.options.Strict {
			return nil, unsupportedParameter(surplus[0])
		}
		s.log.Warn("parameters that the operation does not have", "action", c.op.name, "names", surplus)
	}
	c.parameters = checked
	return s.again(c)
}

// again does a call whose parameters are checked.
func (s *Server) again(c *call) (answer, error) {
	a, err := c.op.run(c)
	if names := c.parameters.undeclared; len(names) > 0 {
		s.log.Error("an operation reads parameters that its table does not have", "action", c.op.name, "names", names)
		return nil, internalError()
	}
	return a, err
}

// sleep waits for d, or until the client went away.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Inject asks for faults, as POST /_local/faults does. Its errors name the
// field that is wrong.
func (s *Server) Inject(faults ...Fault) error { return s.faults.add(faults, s.operations) }

// ClearFaults forgets all faults that are left.
func (s *Server) ClearFaults() { s.faults.clear() }

// Calls returns the last calls, oldest first, at most 10000.
func (s *Server) Calls() []Call { return s.calls.list() }

// Counters returns what was counted per account and action.
func (s *Server) Counters() []Counter { return s.meters.list() }
