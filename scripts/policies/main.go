// Command policies writes the least permissions of every function: its
// policy.json, its reader-policy.json, the table by which find tells what is
// missing, and the templates that make the roles. They come from the calls that the code makes.
package main

import (
	"flag"
	"fmt"
	"os"

	"imagekeeper/scripts/policies/least"
	"imagekeeper/scripts/policies/ros"
)

func main() {
	root := flag.String("root", ".", "folder of the module")
	flag.Parse()
	for _, write := range []func(string) ([]string, error){least.Write, ros.Write} {
		written, err := write(*root)
		if err != nil {
			fmt.Fprintln(os.Stderr, "policies:", err)
			os.Exit(1)
		}
		for _, path := range written {
			fmt.Println("wrote", path)
		}
	}
}
