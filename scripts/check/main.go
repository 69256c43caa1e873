// Command check compares the repository's code, descriptors and documents with
// each other. It changes nothing.
//
//	go run ./scripts/check              every check
//	go run ./scripts/check layering     one of them
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "folder of the module")
	flag.Parse()
	found, err := run(*root, os.DirFS(*root), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Fprintln(os.Stderr, f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}
