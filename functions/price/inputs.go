package main

import (
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/pricing"
)

// asking is a question with what concerns only its own call.
type asking struct {
	pricing.Asking
	places.Age
}

// batchInput asks several questions at once.
type batchInput struct {
	places.Age
	Questions []pricing.Asking `json:"questions" validate:"required,min=1,max=100" doc:"Up to 100 questions; each is answered or refused on its own"`
}
