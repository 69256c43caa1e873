package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// pageFolder is where the built page is.
const pageFolder = "functions/portal/site"

// page is how much the page of functions/portal weighs, compressed as it is sent.
func page(context.Context, binaries) ([]result, error) {
	all, files := 0, 0
	err := filepath.WalkDir(pageFolder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		all, files = all+packed.Len(), files+1
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []result{{what: "the whole page, gzipped", value: float64(all) / 1024, unit: "KiB", atMost: 60, about: fmt.Sprintf("%d files", files)}}, nil
}
