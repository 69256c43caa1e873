package main

import (
	"slices"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/importing"
)

// shapes are those of identifiers and texts.
func shapes() []function.Rule {
	return slices.Concat(places.Rules(), works.Rules(), []function.Rule{
		{Tag: "rulename", Pattern: `^[a-z0-9][a-z0-9-]{0,62}$`, Sentence: "must have small letters, digits and -, 63 at most"},
		{Tag: "familypattern", Pattern: `^[A-Za-z0-9_.*?-]{1,118}$`, Sentence: "must be the name of a family, with * and ? for any text and any character"},
		{Tag: "resourcegroup", Pattern: `^rg-[A-Za-z0-9]{1,61}$`, Sentence: "must be the id of a resource group, such as rg-aekz"},
		{Tag: "amount", Pattern: `^[0-9]{1,9}(\.[0-9]{1,10})?$`, Sentence: "must be an amount, such as 2.00"},
	})
}

// importInput is a wish, and perhaps the word to carry it out.
type importInput struct {
	importing.Wish
	works.Request
}

// OnlyApproves: what others proposed, by its digest.
func (in importInput) OnlyApproves() bool { return in.Apply != nil && works.Nothing(in.Wish) }
