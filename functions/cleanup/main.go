// Command cleanup removes images that nobody needs any more, in stages that can be
// taken back, and brings back from the bin what was deleted by mistake. Nothing
// changes unless somebody applies a plan, or the document of rules says so.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("cleanup", open) }
