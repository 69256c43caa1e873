// Package source reads the Go files of a module by parsing them. It never asks
// the go command, so what it tells cannot come from a cache, and it works on
// any file system, which makes every check that stands on it testable.
package source

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Tree is every Go file of one module.
type Tree struct {
	// Module is the module's path, as go.mod names it.
	Module string
	// Files are in the order of their paths.
	Files []File
	// Positions resolves the positions of every file's syntax.
	Positions *token.FileSet
}

// File is one parsed Go file.
type File struct {
	// Path is slash-separated and relative to the root of the module.
	Path string
	// Folder is the folder it is in: the package's path below the module.
	Folder string
	// Test says that the file is only compiled into tests.
	Test bool
	// Text is the file as it is.
	Text []byte
	// Syntax is the parsed file, with its comments.
	Syntax *ast.File
}

// Import is one import of a file.
type Import struct {
	// Path is the import path as written.
	Path string
	// Name is the name the file knows it by; "." and "_" stand for themselves.
	Name string
	// At is where it stands.
	At token.Pos
}

// Read parses every Go file below the root. Folders that the go command does
// not look into are left out, and so are other modules.
func Read(root fs.FS) (*Tree, error) {
	gomod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("read the module's name: %w", err)
	}
	tree := &Tree{Module: moduleName(gomod), Positions: token.NewFileSet()}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && Skipped(name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return tree.add(root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's files: %w", err)
	}
	return tree, nil
}

// Skipped says whether a folder holds nothing of the module: hidden folders,
// test data and other people's packages.
func Skipped(folder string) bool {
	name := path.Base(folder)
	if folder == "." {
		return false
	}
	return name == "testdata" || name == "node_modules" || name == "vendor" ||
		strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func (t *Tree) add(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.Positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, File{
		Path:   name,
		Folder: path.Dir(name),
		Test:   strings.HasSuffix(name, "_test.go"),
		Text:   text,
		Syntax: syntax,
	})
	return nil
}

// Line is the line of a position.
func (t *Tree) Line(at token.Pos) int { return t.Positions.Position(at).Line }

// Folders are the folders that hold a Go file, in order, without repeats.
func (t *Tree) Folders() []string {
	var folders []string
	for _, file := range t.Files {
		if len(folders) == 0 || folders[len(folders)-1] != file.Folder {
			folders = append(folders, file.Folder)
		}
	}
	return folders
}

// Own is the folder that an import path of this module names; false for
// anything else.
func (t *Tree) Own(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, t.Module+"/")
}

// Reach is the folders of this module that a folder's non-test files import,
// directly or through each other, the folder itself included.
func (t *Tree) Reach(folder string) map[string]bool {
	seen := map[string]bool{folder: true}
	for queue := []string{folder}; len(queue) > 0; queue = queue[1:] {
		for _, file := range t.Files {
			if file.Folder != queue[0] || file.Test {
				continue
			}
			for _, imported := range file.Imports() {
				if own, ok := t.Own(imported.Path); ok && !seen[own] {
					seen[own] = true
					queue = append(queue, own)
				}
			}
		}
	}
	return seen
}

// Imports are the file's imports in order.
func (f File) Imports() []Import {
	imports := make([]Import, 0, len(f.Syntax.Imports))
	for _, spec := range f.Syntax.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser refuses such a file
		}
		name := path.Base(importPath)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imports = append(imports, Import{Path: importPath, Name: name, At: spec.Pos()})
	}
	return imports
}

// Generated says whether the file carries the mark of generated code.
func (f File) Generated() bool { return ast.IsGenerated(f.Syntax) }

func moduleName(gomod []byte) string {
	for line := range strings.Lines(string(gomod)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}
