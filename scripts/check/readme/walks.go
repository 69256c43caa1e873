package readme

import "strings"

// Walk is a block of commands that a document has its readers type one after the
// other, each using what came of the ones before: a block that is marked "sh walk".
type Walk struct {
	// Line is where the first command stands; lines count from 1.
	Line int
	// Script is the block as it stands, for bash with curl and jq.
	Script string
}

// Walks are the walks of a Markdown document, in its order.
func Walks(document string) []Walk {
	var found []Walk
	inside := false
	for i, line := range strings.Split(document, "\n") {
		switch {
		case strings.HasPrefix(line, "```") && inside:
			inside = false
		case line == "```sh walk":
			inside = true
			found = append(found, Walk{Line: i + 2})
		case inside:
			found[len(found)-1].Script += line + "\n"
		}
	}
	return found
}
