package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/local/apicheck"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// checkedIn is the OpenAPI document that is checked in.
func checkedIn(t *testing.T) []byte {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(root, openapi.Path))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// known is that document, read once for all witnesses: to compile its schemas costs
// more than most tests.
var known = sync.OnceValues(func() (*apicheck.Checker, error) {
	document, err := os.ReadFile(filepath.Join(root, openapi.Path))
	if err != nil {
		return nil, err
	}
	return apicheck.New(document)
})

// reading is a checker of that document.
func reading(t *testing.T) *apicheck.Checker {
	t.Helper()
	w, err := known()
	if err != nil {
		t.Fatal(err)
	}
	return w.Another()
}

// TestTheGatewayServesTheDocument: made of the functions as they run, it is the
// one that is checked in.
func TestTheGatewayServesTheDocument(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: company.New(cloudsim.Options{}, company.Options{Images: 1})})
	status, document := s.get("/openapi.json")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, document)
	}
	if err := openapi.Same(checkedIn(t), document); err != nil {
		t.Error(err)
	}
}
