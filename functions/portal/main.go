// Command portal serves the page on which people look at images and change
// them, and the OpenAPI document. It calls nothing itself: the page speaks to the same API
// as everybody else, with the caller's own token.
package main

import "imagekeeper/shared/function"

func main() { function.Serve("portal", open) }
