// Package pack makes packages of which the same content gives the same bytes,
// wherever and whenever they are made.
package pack

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"time"
)

// File is one file of a package.
type File struct {
	Name       string
	Content    []byte
	Executable bool
}

// born is the time of every file: the first one that a zip file can tell.
func born() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

// Zip packs files, in the order that they come in.
func Zip(files ...File) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: born()}
		mode := fs.FileMode(0o644)
		if f.Executable {
			mode = 0o755
		}
		header.SetMode(mode)
		into, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := into.Write(f.Content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
