// Command release makes a version of what is there: it writes the version and the
// heading of the CHANGELOG, and packages every function so that whoever builds the
// same version gets the same bytes.
//
//	go run ./scripts/release -version 0.2.0         writes, and packages into .build/release/0.2.0
//	go run ./scripts/release                        packages the version that is there, into .build/release/<version>
//
// It commits and tags nothing: it prints the commands that do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	version := flag.String("version", "", "the new version, such as 0.2.0; left out: the one that is there is packaged again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, ".", *version); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
