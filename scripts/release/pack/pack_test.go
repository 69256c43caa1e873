package pack_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"imagekeeper/scripts/release/pack"
)

func TestSameBytes(t *testing.T) {
	t.Parallel()
	file := pack.File{Name: "bootstrap", Content: []byte(strings.Repeat("function ", 1000)), Executable: true}
	first, err1 := pack.Zip(file)
	second, err2 := pack.Zip(file)
	if err1 != nil || err2 != nil || !bytes.Equal(first, second) || len(first) > 500 {
		t.Fatalf("%d and %d bytes, %v, %v", len(first), len(second), err1, err2)
	}
	read, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || len(read.File) != 1 || read.File[0].Mode().Perm() != 0o755 || read.File[0].Name != "bootstrap" {
		t.Fatalf("%+v, %v", read, err)
	}
	opened, err := read.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(opened); err != nil || !bytes.Equal(content, file.Content) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}
