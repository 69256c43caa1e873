// Command find answers which images there are, which one to use, and why. It
// only reads.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("find", open) }
