// Command backfill records the parents of many images in the tag
// imagekeeper:parent. It shows the plan, and changes nothing without -apply.
//
//	go run ./scripts/backfill -file parents.csv [-apply]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	file := flag.String("file", "", "CSV with the columns imageId, parent and, unless REGION says so, regionId")
	apply := flag.Bool("apply", false, "carry the plan out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.LookupEnv, *file, *apply, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "backfill:", err)
		os.Exit(1)
	}
}
