// Command share makes the list of accounts that may use an image exactly what
// was asked for, and ends shares whose time is over. Nothing changes unless the
// request says apply.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("share", open) }
