package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codeAt is which argument of a call is the code of a refusal.
func codeAt() map[string]int {
	return map[string]int{"refuse": 1, "denied": 1, "refused": 0, "WithCode": 0, "InField": 1}
}

// refusalCodes are the codes that the files of a folder refuse with: every string
// that is, or may become, the code of a refusal.
func refusalCodes(t *testing.T, folder string) []string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), folder+"/"+f.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				codes = append(codes, codeOf(call)...)
			}
			return true
		})
	}
	return codes
}

func codeOf(call *ast.CallExpr) []string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	at, refuses := codeAt()[name]
	if !refuses || at >= len(call.Args) {
		return nil
	}
	literal, ok := call.Args[at].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return nil
	}
	code, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{code}
}

// TestEveryRefusalIsInTheReadme: whoever is refused finds the code in the table,
// and what to do.
func TestEveryRefusalIsInTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	// stillUsed and useUnknown are chosen from a table by the use.
	codes := []string{"stillUsed", "useUnknown"}
	for _, folder := range []string{".", "../../shared/sharing", "../../shared/plan"} {
		codes = append(codes, refusalCodes(t, folder)...)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	if len(codes) < 25 {
		t.Fatalf("only %d codes were found: %v", len(codes), codes)
	}
	for _, code := range codes {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("%s is not in the README", code)
		}
	}
}
