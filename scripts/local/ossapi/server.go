// Package ossapi serves the wire of Alibaba Cloud's Object Storage Service over
// the objects of package cloudsim: buckets, objects, uploads in parts and by form,
// copies, appends at a position, versions, tags, access lists, archived objects and
// their restoration, retention policies, listings, ranges, checksums, and requests
// signed in both of the vendor's ways. The vendor's SDKs work with it unmodified;
// addresses in path style are the ones to use on one machine.
//
// What it does not have, such as static sites and replication, it refuses as
// NotImplemented rather than pretend.
package ossapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
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
	// MaxBody is how many bytes one request may bring at most; 0: a GiB. The
	// vendor's limit is 5 GB, but all objects are in memory here.
	MaxBody int64
}

// Limits of one request.
const (
	maxBody = 1 << 30
	maxForm = 2 << 20
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
	faults     *faults
	calls      *calls
	admin      http.Handler
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

// New returns a server for cloud.
func New(cloud *cloudsim.Cloud, options Options) *Server {
	s := &Server{
		cloud: cloud, options: options, log: options.Log, clock: options.Clock, cloudClock: options.CloudClock,
		operations: operations(), calls: &calls{},
	}
	s.faults = &faults{known: names(s.operations)}
	if s.options.MaxBody == 0 {
		s.options.MaxBody = maxBody
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

// ServeHTTP answers one request: of a client, or an administrative one under
// /_local/, which cannot be a bucket's name.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_local/") {
		s.admin.ServeHTTP(w, r)
		return
	}
	c := &call{request: r, answer: w, id: newRequestID(), limit: s.options.MaxBody}
	w.Header().Set("Server", "AliyunOSS")
	w.Header().Set("X-Oss-Request-Id", c.id)
	s.conclude(c, s.perform(c))
}

// conclude answers what was refused, resets the connection where that is how it
// ends, and remembers the call.
func (s *Server) conclude(c *call, err error) {
	status, code := 0, ""
	if err != nil && !isGone(err) {
		status, code = s.refuse(c, err)
	}
	s.calls.add(Call{
		At: s.clock.Now().UTC(), RequestID: c.id, Operation: c.operation, Bucket: c.bucket, Key: c.key, Status: status, Code: code, Fault: c.fault,
	})
	if err != nil && isGone(err) {
		reset(c.answer)
	}
}

// perform finds out what is asked of what by whom, and does it.
func (s *Server) perform(c *call) error {
	if !answers(c.request.Host) {
		return refused(403, "AccessDenied", "Only loopback names, and those of the vendor, are answered here.")
	}
	if err := s.locate(c); err != nil {
		return err
	}
	do, err := s.route(c)
	if err != nil {
		return err
	}
	if !do.signedInForm {
		if err := s.identify(c); err != nil {
			return err
		}
	}
	if do.run == nil {
		return refused(501, "NotImplemented", "A header or parameter you provided implies functionality that is not implemented.").with("Header", c.kind())
	}
	if err := sleep(c.request.Context(), s.options.Latency); err != nil {
		return err
	}
	c.operation = do.name
	return s.spoiled(c, do.run)
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

// hostNames reads what a host says of bucket and region: bucket.localhost,
// oss-cn-hangzhou.localhost, bucket.oss-cn-hangzhou.aliyuncs.com.
func (s *Server) hostNames(host string) (bucket, region string) {
	name := bare(host)
	name, local := strings.CutSuffix(name, ".localhost")
	if !local {
		var vendors bool
		if name, vendors = strings.CutSuffix(name, vendorDomain); !vendors {
			return "", ""
		}
	}
	first, rest, dotted := strings.Cut(name, ".")
	if dotted {
		return first, regionOf(rest)
	}
	if region := regionOf(first); region != "" && (!local || s.cloud.HasRegion(image.RegionID(region))) {
		return "", region
	}
	if local {
		return first, ""
	}
	return "", ""
}

// regionOf is the region that the name of an endpoint has in it.
func regionOf(endpoint string) string {
	region, ok := strings.CutPrefix(endpoint, "oss-")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(region, "-internal"), "-vpc")
}
