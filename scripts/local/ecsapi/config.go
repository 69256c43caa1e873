package ecsapi

import "net/http"

// getConfig tells all readings: by which of several behaviours, none of which
// any source proves, the cloud goes.
func (s *Server) getConfig(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, s.cloud.Readings())
}

// postConfig chooses other readings; those that the body does not name stay.
func (s *Server) postConfig(w http.ResponseWriter, r *http.Request) {
	readings := s.cloud.Readings()
	if err := readStrictly(r, &readings); err != nil {
		tellError(w, http.StatusBadRequest, err)
		return
	}
	s.cloud.SetReadings(readings)
	tell(w, http.StatusOK, readings)
}
