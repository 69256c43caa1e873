package fchost

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"imagekeeper/scripts/build/openapi"
)

// Document makes the OpenAPI document of the functions as they run here: each
// is asked with its own environment, and with what no function works without. It fails if one of them does not tell.
func (h *Host) Document(ctx context.Context) ([]byte, error) {
	var all []openapi.Description
	for _, f := range h.functions {
		code := filepath.Join(h.options.Root, f.spec.Code)
		environment := append((&instance{f: f}).environment(code, ""), openapi.Environment()...)
		one, err := openapi.Describe(ctx, f.spec.Resource, filepath.Join(code, f.spec.Handler), environment)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return openapi.Make(ctx, os.DirFS(h.options.Root), all)
}

// describe answers with the document, which is made when it is first asked for.
func (h *Host) describe(w http.ResponseWriter) {
	if !h.started.Load() {
		h.starting(w)
		return
	}
	document, err := h.document()
	if err != nil {
		h.log.printf("openapi.json: %v", err)
		h.problem(w, http.StatusInternalServerError, "noDocument", "the functions do not describe themselves; the log says why", nil)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(document)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(document) // a caller that went away needs no answer
}
