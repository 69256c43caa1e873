// Package readme reads the commands that a document tells its readers to type,
// with the answers that it promises, so that a test can do what a reader does.
package readme

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"reflect"
	"regexp"
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

// Examples are the curl commands in the code blocks of a Markdown document, as a
// shell in the folder root reads them. In a block whose commands begin with
// "$ ", what follows one is its answer; in any other block every line is a
// command. A line that only sets variables holds for all lines below it.
func Examples(document string, root fs.FS) ([]Example, error) {
	var found []Example
	sh := shell{root: root, variables: map[string]string{}}
	inCode, current := false, -1
	for i, line := range strings.Split(document, "\n") {
		command, prompted := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inCode, current = !inCode, -1
		case !inCode:
		case strings.HasPrefix(command, "curl "), assignment.MatchString(command):
			example, err := sh.read(command)
			if err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", i+1, command, err)
			}
			if current = -1; example.URL == "" {
				continue
			}
			example.Line = i + 1
			found = append(found, example)
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

// assignment is how a line begins that sets a variable.
var assignment = regexp.MustCompile(`^[a-z]+="`)

// read reads one line: a request, or nothing if it only sets variables. It
// understands as much of curl as the documents use.
func (s *shell) read(command string) (Example, error) {
	example := Example{Command: command, Header: map[string]string{}}
	words, err := s.words(command)
	if err != nil || len(words) == 0 {
		return Example{}, err
	}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		word := words[0]
		switch {
		case !strings.HasPrefix(word, "-"):
			example.URL = word
			continue
		case word == "-s" || word == "-sS":
			continue
		case len(words) < 2:
			return Example{}, fmt.Errorf("%s wants a value", word)
		}
		words = words[1:]
		if !example.set(word, words[0]) {
			return Example{}, fmt.Errorf("the test does not know %s", word)
		}
	}
	if example.URL == "" {
		return Example{}, errors.New("no address")
	}
	if example.Method == "" {
		example.Method = http.MethodGet
		if example.Body != "" {
			example.Method = http.MethodPost
		}
	}
	return example, nil
}

// set does what an option of curl with a value does, and reports whether it is
// known.
func (e *Example) set(option, value string) bool {
	switch option {
	case "-X":
		e.Method = value
	case "-d":
		e.Body = value
	case "-H":
		name, text, _ := strings.Cut(value, ": ")
		e.Header[name] = text
	default:
		return false
	}
	return true
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
