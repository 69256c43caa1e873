// Command build packages functions for the cloud: one folder each, with the
// executable in it.
//
//	go run ./scripts/build                        every function, to .build/<function>/bootstrap
//	go run ./scripts/build find                   only these
//	go run ./scripts/build -to DIR -resource ID   the function of a resource of template.yml, for sam build
//	go run ./scripts/build -openapi check         nothing; is functions/openapi.json what the functions describe?
//	go run ./scripts/build -openapi write         nothing; writes functions/openapi.json
//
// Packaging every function checks the document, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var order order
	flag.StringVar(&order.to, "to", "", "folder for the executable of a single function; by default .build/<function>")
	flag.StringVar(&order.resource, "resource", "", "logical id in template.yml, such as FindFunction")
	flag.StringVar(&order.openapi, "openapi", "", "check or write the OpenAPI document instead of packaging")
	flag.Parse()
	order.functions = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
