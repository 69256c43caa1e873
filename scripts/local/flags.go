package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

// settings are the flags.
type settings struct {
	file           string
	gateway, cloud string
	objects        string
	images         int
	instances      int
	seed           uint64
	latency        time.Duration
	rate           int
	speed          int
	only           []string
	real           bool
	allowChanges   bool
	idle           time.Duration
	unsteady       uint64
}

// parseFlags reads and checks the flags. Errors of kind fault.Invalid name the
// flag; flag.ErrHelp means that help was asked for and written to out.
func parseFlags(args []string, out io.Writer) (settings, error) {
	var s settings
	var only string
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.file, "file", "s.yaml", "the deployment descriptor; sources are in functions/ beside it")
	flags.StringVar(&s.gateway, "gateway", "127.0.0.1:8080", "loopback address of the gateway in front of all functions")
	flags.StringVar(&s.cloud, "cloud", "127.0.0.1:7070", "loopback address of the emulated ECS, STS and Location")
	flags.StringVar(&s.objects, "oss", "", "loopback address of the emulated OSS (default the port after -cloud's: 127.0.0.1:7071)")
	flags.IntVar(&s.images, "images", 400, "size of the seeded catalogue")
	flags.IntVar(&s.instances, "instances", 120, "how many instances the accounts have together")
	flags.Uint64Var(&s.seed, "seed", 1, "the same seed gives the same catalogue")
	flags.DurationVar(&s.latency, "latency", 0, "added to every call of the cloud, such as 50ms")
	flags.IntVar(&s.speed, "speed", 1, "divides the durations of asynchronous states: images, imports, checks, instances that start")
	flags.IntVar(&s.rate, "rate", 0, "calls per minute, action and account; 0: as documented, -1: no limit")
	flags.StringVar(&only, "only", "", "start only these functions, a comma list such as find,price")
	flags.BoolVar(&s.real, "real", false, "no emulated cloud: your own account, with the credentials of your environment, reading only")
	flags.BoolVar(&s.allowChanges, "allow-changes", false, "with -real: start the functions that change things, too")
	flags.DurationVar(&s.idle, "idle", time.Minute, "stop an instance that had no work for this long")
	flags.Uint64Var(&s.unsteady, "unsteady-timers", 0, "a seed by which ticks of timers overlap, come late, twice or not at all; 0: each once, in time")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fault.New(fault.Invalid, "%q is not a flag; flags begin with -", flags.Arg(0))
	}
	for name := range strings.SplitSeq(only, ",") {
		if name = strings.TrimSpace(name); name != "" {
			s.only = append(s.only, name)
		}
	}
	if s.objects == "" {
		s.objects = beside(s.cloud)
	}
	return s, s.check()
}

// beside is the address whose port is the next one; any port beside any port.
func beside(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if n, err := strconv.Atoi(port); err == nil && n > 0 {
		port = strconv.Itoa(n + 1)
	}
	return net.JoinHostPort(host, port)
}

func (s settings) check() error {
	if err := s.checkAddresses(); err != nil {
		return err
	}
	return s.checkNumbers()
}

func (s settings) checkAddresses() error {
	for name, address := range map[string]string{"-gateway": s.gateway, "-cloud": s.cloud, "-oss": s.objects} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return fault.New(fault.Invalid, "%s %q: want an address such as 127.0.0.1:8080", name, address)
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return fault.New(fault.Invalid, "%s %q: only loopback addresses are served: the cloud's own routes ask for no token", name, address)
		}
	}
	return nil
}

func (s settings) checkNumbers() error {
	switch {
	case s.images < 1 || s.images > 1_000_000:
		return fault.New(fault.Invalid, "-images %d: want 1 to 1000000", s.images)
	case s.instances < 1 || s.instances > 1_000_000:
		return fault.New(fault.Invalid, "-instances %d: want 1 to 1000000", s.instances)
	case s.rate < -1:
		return fault.New(fault.Invalid, "-rate %d: want -1, 0 or a number of calls per minute", s.rate)
	case s.speed < 1 || s.speed > 10_000:
		return fault.New(fault.Invalid, "-speed %d: want 1 to 10000", s.speed)
	case s.latency < 0 || s.latency > time.Minute:
		return fault.New(fault.Invalid, "-latency %s: want 0 to 1m", s.latency)
	case s.idle < time.Millisecond:
		return fault.New(fault.Invalid, "-idle %s: want at least 1ms", s.idle)
	}
	return nil
}

// readers are the functions that change nothing, by the table in the design.
// A function that is not listed is taken for one that changes things.
func readers() []string { return []string{"find", "price", "portal"} }

// permitted returns the functions to start: with -real and without
// -allow-changes only those that change nothing. It fails if -only asks for
// one of the others.
func (s settings) permitted(project *syaml.Project) (start, left []string, err error) {
	for _, f := range project.Functions {
		asked := len(s.only) == 0 || slices.Contains(s.only, f.Resource)
		changes := s.real && !s.allowChanges && !slices.Contains(readers(), f.Resource)
		switch {
		case asked && changes && len(s.only) > 0:
			return nil, nil, fault.New(fault.Invalid, "-only %s: it changes things; with -real it needs -allow-changes", f.Resource)
		case asked && changes:
			left = append(left, f.Resource)
		case asked:
			start = append(start, f.Resource)
		}
	}
	for _, name := range s.only {
		if !slices.ContainsFunc(project.Functions, func(f syaml.Function) bool { return f.Resource == name }) {
			return nil, nil, fault.New(fault.Invalid, "-only %s: there is no such function in %s", name, s.file)
		}
	}
	if len(start) == 0 {
		return nil, nil, fault.New(fault.Invalid, "%s has no function to start", s.file)
	}
	return start, left, nil
}

// usage is the line that ends every complaint about flags.
func usage(out io.Writer, err error) {
	fmt.Fprintf(out, "local: %v\nlocal -h lists the flags\n", err)
}
