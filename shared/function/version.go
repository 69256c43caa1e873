package function

import "net/http"

// Version is that of the functions, by semantic versioning; a release writes it
// and the CHANGELOG's heading together.
const Version = "0.1.0"

// headerVersion is the header that tells it with every answer over HTTP.
const headerVersion = "Imagekeeper-Version"

// healthPath is where every function says over its own trigger that it works.
const healthPath = "/healthz"

// health is what it says.
type health struct {
	Status   string `json:"status"`
	Function string `json:"function"`
	Version  string `json:"version"`
}

// healthy answers a request for the health of the function, unless an operation
// of its own is at that path. Whoever is let in may ask.
func (f *Function) healthy(r *http.Request) (answer, bool) {
	if r.URL.Path != healthPath || f.operationOf(r) != "" {
		return answer{}, false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return answer{}, false
	}
	return answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {typeJSON}},
		body: encode(health{Status: "ok", Function: f.name, Version: Version}),
	}, true
}
