// Command rates prints a PRICE_RATES of exactly the rates that price is missing,
// each with an empty price to be filled in.
//
//	go run ./scripts/rates -token FILE HOST:PORT
//	go run ./scripts/rates < report.json
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	token := flag.String("token", "", "file with the bearer token of a viewer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Arg(0), *token, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rates:", err)
		os.Exit(1)
	}
}
