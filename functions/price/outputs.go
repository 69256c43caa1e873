package main

import (
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
)

// quotes is the answer of price.images: one item per question, in their order.
type quotes struct {
	AsOf time.Time `json:"asOf"`
	// Items: one for each question, in their order.
	Items   []answerOrProblem `json:"items"`
	Unknown []image.Unread    `json:"unknown"`
}

// answerOrProblem has one of both.
type answerOrProblem struct {
	Quote   *quoting.Quote    `json:"quote,omitempty"`
	Problem *function.Problem `json:"problem,omitempty"`
}
