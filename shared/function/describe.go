package function

// Describe returns the operations as an OpenAPI 3.1 document.
func (f *Function) Describe() map[string]any { return nil }
