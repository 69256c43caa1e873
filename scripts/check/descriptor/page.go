package descriptor

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// pageSources is where the page is written.
const pageSources = "functions/portal/page/src"

// schemaName is where the page names a schema of the OpenAPI document.
var schemaName = regexp.MustCompile(`Schema\[['"](\w+)['"]\]`)

// Page compares the sources of the page with the OpenAPI document that its types
// are made from: what a schema is called there is called so here. Making the
// page finds more, but takes npm.
func Page(root fs.FS, _ *source.Tree) ([]finding.Finding, error) {
	text, err := fs.ReadFile(root, openapi.Path)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document (%s writes it): %w", openapi.Refresh, err)
	}
	var document struct {
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	var found []finding.Finding
	err = fs.WalkDir(root, pageSources, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(path.Ext(at), ".ts") {
			return err
		}
		written, err := fs.ReadFile(root, at)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(written), "\n") {
			for _, name := range schemaName.FindAllStringSubmatch(line, -1) {
				if _, ok := document.Components.Schemas[name[1]]; !ok {
					found = append(found, finding.At(at, n+1, "the OpenAPI document has no schema %s: make portal", name[1]))
				}
			}
		}
		return nil
	})
	return finding.Sort(found), err
}
