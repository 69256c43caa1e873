// Command replace-disk moves instances to another image by replacing their system
// disks: in waves, with a backup of each, and back. Nothing changes unless the
// request says apply.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("replace-disk", open) }
