package main

import (
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/importing"
)

// rules are the shapes of identifiers and texts, beside those that all functions have.
func rules() []function.Rule {
	return []function.Rule{
		{Tag: "amount", Pattern: `^[0-9]{1,9}(\.[0-9]{1,10})?$`, Sentence: "must be an amount, such as 2.00"},
	}
}

// importInput is a wish, and perhaps the word to carry it out.
type importInput struct {
	importing.Wish
	works.Request
}
