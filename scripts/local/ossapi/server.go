// Package ossapi serves the wire of Alibaba Cloud's Object Storage Service over
// the objects of package cloudsim: buckets, objects, appends at a position,
// listings, ranges, checksums, and requests signed in both of the vendor's ways.
// The vendor's SDKs work with it unmodified.
//
// What it does not have, such as uploads in parts, versions, access lists and
// static sites, it refuses as NotImplemented rather than pretend.
package ossapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// Clock tells the time by which signatures go.
type Clock interface{ Now() time.Time }

// Options say how a server serves. The zero value serves as documented.
type Options struct {
	// Latency is added to each request.
	Latency time.Duration
	// Log takes a line for each refusal; nil: nothing is logged.
	Log *slog.Logger
	// Clock is the one that clients sign by; nil: the machine's.
	Clock Clock
	// CloudClock is the cloud's own, by which temporary keys expire; nil: Clock.
	CloudClock Clock
}

// Limits of one request. The vendor's are 5 GB; everything here is in memory.
const (
	maxObject = 64 << 20
	maxForm   = 2 << 20
)

// Server answers for the objects of a cloud. It is an http.Handler, safe for
// concurrent use.
type Server struct {
	cloud      *cloudsim.Cloud
	options    Options
	log        *slog.Logger
	clock      Clock
	cloudClock Clock
	operations map[string]operation
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

// New returns a server for cloud.
func New(cloud *cloudsim.Cloud, options Options) *Server {
	s := &Server{
		cloud: cloud, options: options, log: options.Log, clock: options.Clock, cloudClock: options.CloudClock,
		operations: operations(),
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
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{request: r, answer: w, id: newRequestID()}
	w.Header().Set("Server", "AliyunOSS")
	w.Header().Set("X-Oss-Request-Id", c.id)
	if err := s.perform(c); err != nil {
		s.refuse(c, err)
	}
}

// perform finds out what is asked of what by whom, and does it.
func (s *Server) perform(c *call) error {
	if !answers(c.request.Host) {
		return refusal{403, "AccessDenied", "Only loopback names, and those of the vendor, are answered here."}
	}
	if err := c.locate(); err != nil {
		return err
	}
	if err := s.identify(c); err != nil {
		return err
	}
	if err := sleep(c.request.Context(), s.options.Latency); err != nil {
		return err
	}
	do, err := s.route(c)
	if err != nil {
		return err
	}
	return do(c)
}

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

// answers reports whether a Host header names this machine, itself or as
// bucket.localhost, or one of the vendor's, which its npm client sends along to
// an address that is a number. No web page can make either name point here.
func answers(host string) bool {
	name := strings.Trim(bare(host), "[]")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasSuffix(name, vendorDomain) {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// vendorDomain ends the names of the vendor's own endpoints.
const vendorDomain = ".aliyuncs.com"

// bare is a host without its port.
func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// bucketOf is the bucket that a host names: bucket.localhost, or
// bucket.oss-cn-hangzhou.aliyuncs.com.
func bucketOf(host string) (string, bool) {
	bucket, rest, dotted := strings.Cut(bare(host), ".")
	if !dotted || rest != "localhost" && (!strings.HasPrefix(rest, "oss-") || !strings.HasSuffix(rest, vendorDomain)) {
		return "", false
	}
	return bucket, true
}
