package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
)

// Exit codes. A stop that was asked for, by Ctrl-C or by a signal, is no
// failure.
const (
	exitStopped = 0
	exitFailed  = 1
	exitUsage   = 2
)

// realMain is main with its surroundings as arguments.
func realMain(args []string, look syaml.Lookup, out, complaints io.Writer) int {
	s, err := parseFlags(args, complaints)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitStopped
	case errors.Is(err, fault.Invalid):
		usage(complaints, err)
		return exitUsage
	case err != nil: // the flag package has said it
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	go followParent(ctx, cancel)
	err = serve(ctx, s, look, out)
	if ctx.Err() != nil {
		fmt.Fprintln(out, "stopped")
		return exitStopped
	}
	if err != nil {
		fmt.Fprintf(complaints, "local: %v\n", err)
		return exitFailed
	}
	return exitStopped
}

// followParent ends a program that "go run" started when that go command is
// gone: go run cannot pass on what kills it.
func followParent(ctx context.Context, stop func()) {
	path, err := os.Executable()
	if err != nil || !strings.Contains(path, string(filepath.Separator)+"go-build") {
		return
	}
	parent := os.Getppid()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for os.Getppid() == parent {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	stop()
}

// serve starts everything and returns when ctx ends or something fails.
func serve(ctx context.Context, s settings, look syaml.Lookup, out io.Writer) error {
	front, err := listen(s.gateway, "-gateway")
	if err != nil {
		return err
	}
	defer front.Close()
	functions := &door{}
	w, cloud, closeCloud, err := surround(s, look, functions, out)
	if err != nil {
		return err
	}
	defer closeCloud()
	w, tokens, err := trusting(w, look, s.file)
	if err != nil {
		return err
	}
	project, err := syaml.Load(s.file, w.lookup)
	if err != nil {
		return err
	}
	start, left, err := s.permitted(project)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		fmt.Fprintf(out, "not started, as they change things: %s; -allow-changes starts them\n", strings.Join(left, ", "))
	}
	host, err := fchost.New(fchost.Options{
		Project: project, Root: filepath.Dir(s.file), Only: start, Environment: w.environment,
		Credentials: w.credentials, AccountID: w.account, IdleTimeout: s.idle, Unsteady: s.unsteady, Out: out,
		Token: lent(tokens, s.real),
	})
	if err != nil {
		return err
	}
	defer host.Close()
	functions.open(host.Invocations())
	if cloud != nil {
		notify(cloud, host)
	}
	closeGateway := serveOn(front, host)
	defer closeGateway()
	remembered := remember(ctx, w, cloud, start)
	if err := host.Build(ctx); err != nil {
		return err
	}
	if err := <-remembered; err != nil {
		return fmt.Errorf("the past of cleanup: %w", err)
	}
	if err := host.Start(); err != nil {
		return fmt.Errorf("a function does not start: %w", err)
	}
	state := "ready  "
	for name, complaint := range host.Examine(ctx) {
		state = "partly "
		fmt.Fprintf(out, "NOT configured: %s: %s\n", name, complaint)
	}
	fmt.Fprintf(out, "%s  http://%s   Ctrl-C stops everything\n", state, front.Addr())
	if slices.Contains(start, "portal") {
		fmt.Fprintf(out, "page     http://%s/   the portal, for a browser\n", front.Addr())
	}
	fmt.Fprint(out, invitation(front.Addr().String(), start, cloud, tokens))
	<-ctx.Done()
	return nil
}

// surround is the world of the functions, with the emulated cloud served if
// they are to live in it; cloud is nil if not.
func surround(s settings, look syaml.Lookup, functions *door, out io.Writer) (w world, cloud *cloudsim.Cloud, stop func(), err error) {
	if s.real {
		w, err = actual(look)
		fmt.Fprintln(out, "cloud    your own account; functions only read unless -allow-changes is given")
		return w, nil, func() {}, err
	}
	back, err := listen(s.cloud, "-cloud")
	if err != nil {
		return world{}, nil, nil, err
	}
	journal, err := newJournal(s.file, back.Addr())
	if err != nil {
		return world{}, nil, nil, errors.Join(err, back.Close())
	}
	shelves, err := listen(s.objects, "-oss")
	if err != nil {
		return world{}, nil, nil, errors.Join(err, back.Close())
	}
	cloud, wire := newCloud(s, functions, out)
	store, err := newStore(cloud, s, out)
	if err != nil {
		return world{}, nil, nil, errors.Join(err, back.Close(), shelves.Close())
	}
	fmt.Fprintf(out, "cloud    http://%s   ECS, ESS, STS, Location, InvokeFunction: %d images, %d instances, seed %d; key local / local-secret\n",
		back.Addr(), s.images, s.instances, s.seed)
	fmt.Fprintf(out, "objects  http://%s   OSS, in path style: buckets %s\n", shelves.Addr(), strings.Join([]string{uploadBucket, ruleBucket, journalBucket}, ", "))
	closeCloud, closeStore := serveOn(back, wire), serveOn(shelves, store)
	return emulated(look, back.Addr().String(), shelves.Addr().String(), journal), cloud, func() { closeCloud(); closeStore() }, nil
}

// listen listens on a loopback address; a failure names the flag.
func listen(address, name string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.New(fault.Conflict, "%s %s: the port is in use; choose another one with %s", name, address, name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s %s", name, address)
	}
	return listener, nil
}

// serveOn serves in the background; the returned function ends it.
func serveOn(listener net.Listener, handler http.Handler) (stop func()) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // until it is closed
	}()
	return func() {
		server.Close()
		<-done
	}
}
