package retention_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

// Every code that the package gives as a reason has a meaning, and none has one that is
// not given.
func TestEveryCodeHasItsMeaning(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`(?:Code: |WithCode\(|\bnot\(|\bsay\((?:[^\n]*?, )??|because\(|code[A-Z]\w+ += |CodeShortUse = )"([a-z][A-Za-z]+)"`)
	meanings, found := retention.Meanings(), map[string]bool{"modeMark": true, "modeBroken": true}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "meanings.go" || file == "rules.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, m := range given.FindAllStringSubmatch(all.String(), -1) {
		found[m[1]] = true
	}
	for _, code := range retention.GuardCodes() {
		found[code] = true
	}
	found[work.CodeUnseen] = true // the engine gives it, of what a look of this package could not see
	delete(found, "all")          // a cap
	delete(found, "mode")         // of modeReport, and so on
	for code := range found {
		if meanings[code] == "" {
			t.Errorf("%s has no meaning", code)
		}
	}
	for code := range meanings {
		if !found[code] {
			t.Errorf("%s is never given", code)
		}
	}
}
