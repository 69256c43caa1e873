// Command price answers what an image costs, by which rule, and who pays. It
// only reads.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("price", open) }
