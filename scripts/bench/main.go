// Command bench measures what the project promises, against its limits: the
// size of a function and how fast it starts, how fast find lists images and
// instances, how many calls the monthly report makes, how fast prices are
// worked out, how much memory find takes, and whether a crowd of instances
// keeps to the quota.
//
//	go run ./scripts/bench            everything
//	go run ./scripts/bench start      only the measurements whose name has this
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, strings.Join(os.Args[1:], " ")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
