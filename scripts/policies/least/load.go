package least

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"slices"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// Code is the code of a module.
type Code struct {
	// Root is the folder of the module.
	Root string
	// Instead are contents in place of files, by their absolute paths: of code that
	// is not written yet.
	Instead map[string][]byte
}

// program is the code of all functions of a module.
type program struct {
	ssa    *ssa.Program
	module string
	// mains are the packages of the functions by their names.
	mains map[string]*ssa.Package
}

// load reads and checks the code of a module: its own from the source, that of
// others as the compiler left it.
func (c Code) load() (program, error) {
	compiled, parsed, err := c.instead()
	if err != nil {
		return program{}, err
	}
	read, err := packages.Load(&packages.Config{
		Dir: c.Root, Overlay: compiled, ParseFile: parsed, Env: append(os.Environ(), "CGO_ENABLED=0"),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedModule |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedTypesSizes | packages.NeedExportFile,
		BuildFlags: []string{"-trimpath"},
	}, "./functions/...", "./shared/...")
	if err != nil {
		return program{}, fmt.Errorf("read the code of %s: %w", c.Root, err)
	}
	p := program{mains: map[string]*ssa.Package{}}
	for _, r := range read {
		if len(r.Errors) > 0 {
			return program{}, fmt.Errorf("read the code of %s: %w", r.PkgPath, r.Errors[0])
		}
		p.module = r.Module.Path
	}
	built, all := ssautil.Packages(read, ssa.InstantiateGenerics)
	built.Build()
	p.ssa = built
	for n, r := range read {
		if r.Name == "main" && path.Dir(r.PkgPath) == p.module+"/functions" {
			p.mains[path.Base(r.PkgPath)] = all[n]
		}
	}
	return p, nil
}

// instead divides what stands in place of files: what imports something else the
// compiler has to see, as only it knows where that is. The rest need not be compiled, nor
// what imports it: it is read where the file would be.
func (c Code) instead() (compiled map[string][]byte, parsed func(*token.FileSet, string, []byte) (*ast.File, error), err error) {
	compiled = map[string][]byte{}
	for name, text := range c.Instead {
		there, err := imports(name, nil)
		if err != nil {
			return nil, nil, err
		}
		if now, err := imports(name, text); err != nil || !slices.Equal(now, there) {
			compiled[name] = text
		}
	}
	return compiled, func(files *token.FileSet, name string, text []byte) (*ast.File, error) {
		if other, is := c.Instead[name]; is {
			text = other
		}
		return parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	}, nil
}

// imports are the paths that a file imports, in order; of the file as it is if no
// text is given.
func imports(name string, text []byte) ([]string, error) {
	var source any
	if text != nil {
		source = text
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	paths := map[string]bool{}
	for _, i := range file.Imports {
		paths[i.Path.Value] = true
	}
	return slices.Sorted(maps.Keys(paths)), nil
}

// operations are those that a function can send.
func (p program) operations(function string) ([]string, error) {
	pkg := p.mains[function]
	found, err := operations(p.ssa, p.module, pkg.Func("init"), pkg.Func("main"))
	if err != nil {
		return nil, fmt.Errorf("functions/%s: %w", function, err)
	}
	return found, nil
}
