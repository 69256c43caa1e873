// Package functions holds what all functions answer together: the OpenAPI
// document that stands beside them.
package functions

import _ "embed"

//go:embed openapi.json
var document []byte

// Document is the OpenAPI document, as JSON. It is not to be changed.
func Document() []byte { return document }
