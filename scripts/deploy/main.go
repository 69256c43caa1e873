// Command deploy puts functions where they run, and takes them back. Before
// anything is sent it refuses what must not be deployed, tells what will be made,
// what that asks of the account and what is missing, and asks.
//
//	go run ./scripts/deploy -only find,price            Function Compute
//	go run ./scripts/deploy -only find -platform lambda AWS Lambda
//	go run ./scripts/deploy -check                      refuse only
//	go run ./scripts/deploy -destroy                    take everything back but journal and backups
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	d := deployer{order: flags(), look: os.LookupEnv, in: os.Stdin, out: os.Stdout, tool: found, run: started}
	err := d.carryOut(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}
