// Command import makes images of objects, instances, snapshots and other images:
// it checks the source before anything is called, follows the work for hours, tests
// what came out, and only then gives it to others. Nothing changes unless the
// request says apply.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("import", open) }
