// Command policies writes the least permissions of every function: its
// policy.json, its reader-policy.json, and the table by which find tells what is
// missing. They come from the calls that the code makes.
package main

import (
	"flag"
	"fmt"
	"os"

	"imagekeeper/scripts/policies/least"
)

func main() {
	root := flag.String("root", ".", "folder of the module")
	flag.Parse()
	written, err := least.Write(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "policies:", err)
		os.Exit(1)
	}
	for _, path := range written {
		fmt.Println("wrote", path)
	}
}
