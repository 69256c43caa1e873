package ecsapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"imagekeeper/shared/image"
)

// Functions are those of one account, as InvokeFunction of Function Compute 3.0
// (2023-03-30) reaches them.
type Functions struct {
	// Account owns them.
	Account image.AccountID
	// Handler answers POST /2023-03-30/functions/{name}/invocations. Who calls
	// was looked at before.
	Handler http.Handler
}

func functionCompute() product { return product{"FC", "2023-03-30"} }

// invocations begins the path of InvokeFunction.
func invocations() string { return "/" + functionCompute().version + "/functions/" }

// maxEvent is the largest event of a synchronous call (32 MB).
const maxEvent = 32 << 20

// invoke lets a call of a function pass that is signed by somebody who may make
// it. What it answers is the function's.
func (s *Server) invoke(w http.ResponseWriter, r *http.Request) {
	c := s.open(r)
	c.action, c.product, c.xml = "InvokeFunction", functionCompute(), false
	event, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxEvent))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		err = refuse(413, "PayloadTooLarge", "The event is longer than %d bytes.", tooLong.Limit)
	}
	if err == nil {
		err = s.mayInvoke(r, c, event)
	}
	if err != nil {
		s.conclude(w, c, nil, err)
		return
	}
	s.record(c, http.StatusOK, "")
	r.Body = io.NopCloser(bytes.NewReader(event))
	s.options.Functions.Handler.ServeHTTP(w, r)
}

// mayInvoke refuses whoever does not sign, is another account's, or has no
// permission to.
func (s *Server) mayInvoke(r *http.Request, c *call, event []byte) error {
	if !c.acs3 {
		return incompleteSignature()
	}
	if no := s.verifyACS3(r, c, event); no != nil {
		return no
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, invocations()), "/")
	return s.cloud.As(c.credential.Caller).PermitInvocation(s.options.Functions.Account, name)
}
