package least

import (
	"fmt"
	"os"
	"path"

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
	read, err := packages.Load(&packages.Config{
		Dir: c.Root, Overlay: c.Instead, Env: append(os.Environ(), "CGO_ENABLED=0"),
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

// operations are those that a function can send.
func (p program) operations(function string) ([]string, error) {
	pkg := p.mains[function]
	found, err := operations(p.ssa, p.module, pkg.Func("init"), pkg.Func("main"))
	if err != nil {
		return nil, fmt.Errorf("functions/%s: %w", function, err)
	}
	return found, nil
}
