package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"imagekeeper/functions"
)

// site is the page as make portal builds it.
//
//go:embed site
var site embed.FS

// file is one thing that is served, as it is and compressed.
type file struct {
	kind string
	body []byte
	// packed compresses body when somebody first asks for it.
	packed func() []byte
	tag    string // the strong ETag, without the encoding
	// lasting: the name changes with the content.
	lasting bool
}

func newFile(name string, body []byte, lasting bool) (file, error) {
	sum := sha256.Sum256(body)
	f := file{kind: kinds()[path.Ext(name)], body: body, tag: base64.RawURLEncoding.EncodeToString(sum[:12]), lasting: lasting}
	if f.kind == "" {
		return f, fmt.Errorf("site: no media type is known for %s", name)
	}
	f.packed = sync.OnceValue(func() []byte { return compressed(body) })
	return f, nil
}

// compressed is body in gzip. A buffer takes everything, so nothing can fail.
func compressed(body []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that exists
	_, _ = w.Write(body)
	_ = w.Close()
	return packed.Bytes()
}

// kinds are the media types of what the page is made of.
func kinds() map[string]string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".json": "application/json",
	}
}

// files are all that is served: the page, what belongs to it by name, the document.
type files struct {
	page, document file
	assets         map[string]file
}

// placeholder is where the page has what it is told.
const placeholder = "{}"

func newFiles(say told) (files, error) {
	text, err := fs.ReadFile(site, "site/index.html")
	if err != nil {
		return files{}, err
	}
	configuration, err := json.Marshal(say)
	if err != nil {
		return files{}, err
	}
	if bytes.Count(text, []byte(`content="`+placeholder+`"`)) != 1 {
		return files{}, fmt.Errorf("site/index.html has no single place for its configuration")
	}
	text = bytes.Replace(text, []byte(`content="`+placeholder+`"`), []byte(`content="`+html.EscapeString(string(configuration))+`"`), 1)
	f := files{assets: map[string]file{}}
	if f.page, err = newFile("index.html", text, false); err != nil {
		return files{}, err
	}
	if f.document, err = newFile("openapi.json", functions.Document(), false); err != nil {
		return files{}, err
	}
	entries, err := fs.ReadDir(site, "site/assets")
	if err != nil {
		return files{}, err
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(site, path.Join("site/assets", entry.Name()))
		if err != nil {
			return files{}, err
		}
		if f.assets[entry.Name()], err = newFile(entry.Name(), body, true); err != nil {
			return files{}, err
		}
	}
	return f, nil
}

// answer is f for a caller with these headers: compressed where that is taken,
// and nothing at all where the caller has it.
func (f file) answer(sent http.Header) content {
	c := content{status: http.StatusOK, body: f.body, header: http.Header{
		"Content-Type": {f.kind}, "Vary": {"Accept-Encoding"}, "Cache-Control": {"no-cache"},
	}}
	tag := `"` + f.tag + `"`
	if accepts(sent.Values("Accept-Encoding"), "gzip") {
		tag, c.body = `"`+f.tag+`-gzip"`, f.packed()
		c.header.Set("Content-Encoding", "gzip")
	}
	if f.lasting {
		c.header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	c.header.Set("ETag", tag)
	if listed(sent.Values("If-None-Match"), tag) {
		c.status, c.body = http.StatusNotModified, nil
		c.header.Del("Content-Encoding")
	}
	return c
}

// accepts reports whether a list of codings has one, and not with q=0.
func accepts(lists []string, coding string) bool {
	for _, one := range strings.Split(strings.Join(lists, ","), ",") {
		name, weight, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight = strings.ReplaceAll(strings.TrimSpace(weight), " ", "")
		return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
	}
	return false
}

// listed reports whether a list of tags has one; weak ones count, as RFC 9110 has it for If-None-Match.
func listed(lists []string, tag string) bool {
	for _, one := range strings.Split(strings.Join(lists, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
