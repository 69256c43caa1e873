package openapi

// glossary says what members mean that mean the same wherever they are, for
// those of which the source says nothing.
func glossary() map[string]string {
	return map[string]string{
		"asOf":        "When this was true, to the second",
		"at":          "When it was",
		"code":        "Stable; what programs act on",
		"createdAt":   "When it was made",
		"detail":      "What went wrong, for people",
		"elsewhere":   "Other places that have an image of this id",
		"field":       "The field or parameter that is wrong, such as accounts[0].until",
		"imageFamily": "The image family: a line of versions",
		"items":       "The list, in its order",
		"name":        "Its name",
		"nextCursor":  "Give it as cursor, with the same query, for the next page; left out on the last one",
		"reasons":     "Why, for yes and for no",
		"requestId":   "The request id, as the log has it",
		"sentence":    "For people",
		"status":      "The HTTP status",
		"title":       "The status in words",
		"total":       "How many there are in all; left out while something is unknown",
		"type":        "Always about:blank: code tells problems apart",
		"unknown":     "What could not be read: while there is something in it, the answer is not all there is",
	}
}

// gloss describes the members of every schema that are left.
func gloss(value any, words map[string]string) {
	switch value := value.(type) {
	case object:
		properties, _ := value["properties"].(object)
		for name, property := range properties {
			if property, ok := property.(object); ok {
				describe(property, words[name])
			}
		}
		for key, one := range value {
			if key != "examples" {
				gloss(one, words)
			}
		}
	case []any:
		for _, one := range value {
			gloss(one, words)
		}
	}
}
