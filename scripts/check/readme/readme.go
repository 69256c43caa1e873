// Package readme reads the commands that a document tells its readers to type,
// with the answers that it promises, so that a test can do what a reader does.
package readme

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Example is one request of a document.
type Example struct {
	// Line is where the command stands; lines count from 1.
	Line int
	// Command is the command as a reader types it.
	Command string
	// Method, URL, Header and Body are the request that it makes.
	Method, URL string
	Header      map[string]string
	Body        string
	// Answer is what the document prints below the command; empty if nothing.
	Answer string
}

// Examples are the curl commands in the code blocks of a Markdown document. In
// a block whose commands begin with "$ ", what follows one is its answer; in
// any other block every line is a command.
func Examples(document string) ([]Example, error) {
	var found []Example
	inCode, current := false, -1
	for i, line := range strings.Split(document, "\n") {
		command, prompted := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inCode, current = !inCode, -1
		case !inCode:
		case strings.HasPrefix(command, "curl "):
			example, err := parse(command)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			example.Line = i + 1
			found = append(found, example)
			current = -1
			if prompted {
				current = len(found) - 1
			}
		case prompted:
			current = -1
		case current >= 0:
			found[current].Answer += line + "\n"
		}
	}
	return found, nil
}

// parse understands as much of curl as the documents use.
func parse(command string) (Example, error) {
	example := Example{Command: command, Method: "GET", Header: map[string]string{}}
	words, err := split(command)
	if err != nil {
		return Example{}, err
	}
	for len(words) > 1 {
		word := words[1]
		words = words[1:]
		if !strings.HasPrefix(word, "-") {
			example.URL = word
			continue
		}
		if word == "-s" || word == "-sS" {
			continue
		}
		if len(words) < 2 {
			return Example{}, fmt.Errorf("%s: %s wants a value", command, word)
		}
		value := words[1]
		words = words[1:]
		switch word {
		case "-X":
			example.Method = value
		case "-d":
			example.Body, example.Method = value, "POST"
		case "-H":
			name, text, _ := strings.Cut(value, ": ")
			example.Header[name] = text
		default:
			return Example{}, fmt.Errorf("%s: the test does not know %s", command, word)
		}
	}
	if example.URL == "" {
		return Example{}, fmt.Errorf("%s: no address", command)
	}
	return example, nil
}

// split cuts a command into words as a shell does. Quotes may stand around
// words or parts of them.
func split(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	open := false
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ' && open:
			words, open = append(words, word.String()), false
			word.Reset()
		case r == ' ':
		case r == '#' && !open:
			return words, nil // a comment
		case strings.ContainsRune("|&;<>$`\\*?(){}[]", r):
			return nil, fmt.Errorf("%s: %q means something to a shell; put it in quotes", command, r)
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%s: a quote is not closed", command)
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// Same says whether an answer is the one that was printed. JSON is compared by
// its values, except for the time of observation and the request's id; anything
// else as text. The difference is told for people.
func Same(printed, got string) error {
	var want, have any
	if json.Unmarshal([]byte(printed), &want) != nil {
		if strings.TrimSpace(printed) != strings.TrimSpace(Printed(got)) {
			return fmt.Errorf("printed:\n%s\nanswered:\n%s", printed, got)
		}
		return nil
	}
	if err := json.Unmarshal([]byte(got), &have); err != nil {
		return fmt.Errorf("the answer is not JSON: %w\n%s", err, got)
	}
	return differ("", settled(want), settled(have))
}

// Printed is an answer as a document prints it: with the line ends of text.
func Printed(got string) string {
	return strings.TrimRight(strings.ReplaceAll(got, "\r\n", "\n"), "\n") + "\n"
}

// settled is a value without what is different each time.
func settled(value any) any {
	switch value := value.(type) {
	case map[string]any:
		value = maps.Clone(value)
		delete(value, "asOf")
		delete(value, "requestId")
		for name, inner := range value {
			value[name] = settled(inner)
		}
		return value
	case []any:
		list := slices.Clone(value)
		for i, inner := range list {
			list[i] = settled(inner)
		}
		return list
	}
	return value
}

// differ names the first place at which two values are not the same.
func differ(at string, want, have any) error {
	if reflect.DeepEqual(want, have) {
		return nil
	}
	wantObject, isObject := want.(map[string]any)
	haveObject, bothObjects := have.(map[string]any)
	if isObject && bothObjects {
		names := maps.Clone(wantObject)
		maps.Copy(names, haveObject)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if err := differ(at+"."+name, wantObject[name], haveObject[name]); err != nil {
				return err
			}
		}
	}
	wantList, isList := want.([]any)
	haveList, bothLists := have.([]any)
	if isList && bothLists && len(wantList) == len(haveList) {
		for i := range wantList {
			if err := differ(fmt.Sprintf("%s[%d]", at, i), wantList[i], haveList[i]); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%s is %s, printed is %s", at, compact(have), compact(want))
}

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
