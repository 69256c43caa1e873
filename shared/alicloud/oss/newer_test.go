package oss_test

import (
	"net/http"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
)

// TestNewer: an object is read once for each of its versions.
func TestNewer(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	b := s.bucket(t)
	write := func(text string) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.objects["rules.yaml"] = []byte(text)
		return strings.Trim(etagOf([]byte(text)), `"`)
	}
	known := ""
	for _, text := range []string{"imports: []\n", "imports: []\n# again\n", ""} {
		want := write(text)
		got, etag, err := b.Newer(t.Context(), bucketName, "rules.yaml", known, 100)
		if err != nil || string(got) != text || etag != want {
			t.Fatalf("%q: got %q, %s, %v", text, got, etag, err)
		}
		known = etag
		if got, etag, err = b.Newer(t.Context(), bucketName, "rules.yaml", known, 100); err != nil || got != nil || etag != known {
			t.Errorf("%q once more: got %q, %s, %v", text, got, etag, err)
		}
	}
	write(strings.Repeat("#", 101))
	for name, c := range map[string]struct {
		bucket, key string
		kind        fault.Kind
	}{
		"too long":  {bucketName, "rules.yaml", fault.Exhausted},
		"no object": {bucketName, "other.yaml", fault.NotFound},
		"no bucket": {"nobody-has-this", "rules.yaml", fault.NotFound},
		"no key":    {bucketName, "../x", fault.Invalid},
	} {
		if got, _, err := b.Newer(t.Context(), c.bucket, c.key, "", 100); fault.Of(err) != c.kind || got != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// TestNewerDoubts what is not whole, and that something unknown is unchanged.
func TestNewerDoubts(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(http.ResponseWriter){
		"no tag": func(out http.ResponseWriter) {
			out.Header().Set("X-Oss-Hash-Crc64ecma", sum([]byte("x")))
			_, _ = out.Write([]byte("x"))
		},
		"wrong checksum": func(out http.ResponseWriter) { out.Header().Set("Etag", `"1"`); _, _ = out.Write([]byte("x")) },
		"not modified":   func(out http.ResponseWriter) { out.WriteHeader(http.StatusNotModified) },
	} {
		s := newStore(t)
		s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool { spoil(out); return true }
		if got, _, err := s.bucket(t).Newer(t.Context(), bucketName, "rules.yaml", "", 100); err == nil || got != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}
