package ecsapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// answer is the body of a successful call.
type answer interface{ stamp(requestID string) }

// receipt is in every answer.
type receipt struct {
	RequestID string `json:"RequestId"`
}

func (r *receipt) stamp(requestID string) { r.RequestID = requestID }

// errorBody is the body of a refused call.
type errorBody struct {
	RequestID string `json:"RequestId"`
	HostID    string `json:"HostId"`
	Code      string `json:"Code"`
	Message   string `json:"Message"`
	Recommend string `json:"Recommend"`
	// AccessDeniedDetail says what a denied caller lacks.
	AccessDeniedDetail *accessDenied `json:"AccessDeniedDetail,omitempty"`
}

type accessDenied struct {
	AuthAction               string
	AuthPrincipalType        string
	AuthPrincipalOwnerID     string `json:"AuthPrincipalOwnerId"`
	AuthPrincipalDisplayName string
	NoPermissionType         string
	PolicyType               string
}

// conclude records a call and writes its answer, as its fault wants it.
func (s *Server) conclude(w http.ResponseWriter, c *call, a answer, err error) {
	status, code, header, body := s.compose(c, a, err)
	s.record(c, status, code)
	switch {
	case err != nil:
	case c.fault == FaultEmpty200:
		body = nil
	case c.fault == FaultNull:
		body = []byte("null")
	case c.fault == FaultTruncated:
		body = body[:len(body)/2]
	}
	if status == 0 || (c.fault == FaultLostReply && err == nil) {
		reset(w)
		return
	}
	for name := range header {
		w.Header().Set(name, header.Get(name))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.log.Debug("the client went away", "action", c.action, "error", err)
	}
}

// compose renders an answer or an error. Status 0 means that there is nobody
// left to answer, or that nothing shall be answered.
func (s *Server) compose(c *call, a answer, err error) (status int, code string, header http.Header, body []byte) {
	header = http.Header{}
	header.Set("x-acs-request-id", c.requestID)
	if c.quota.limit > 0 {
		header.Set("x-ratelimit-user-api", c.quota.String())
	}
	if err == nil {
		a.stamp(c.requestID)
		if body, err = c.render(c.action+"Response", a); err == nil {
			header.Set("Content-Type", c.contentType())
			return http.StatusOK, "", header, body
		}
	}
	if isGone(err) {
		return 0, "", header, nil
	}
	no, known := onWire(err)
	if !known {
		s.log.Error("a call failed for no reason that the cloud gave", "action", c.action, "error", err)
	}
	if no.retryAfter > 0 {
		// A part of a millisecond is rounded up: at that time it works.
		ms := (no.retryAfter + time.Millisecond - 1) / time.Millisecond
		header.Set("x-acs-retry-after", strconv.FormatInt(int64(ms), 10))
	}
	header.Set("Content-Type", c.contentType())
	body, err = c.render("Error", c.errorBody(no))
	if err != nil {
		s.log.Error("an error could not be written", "action", c.action, "error", err)
	}
	return no.status, no.code, header, body
}

func (c *call) errorBody(no *refusal) errorBody {
	return errorBody{
		AccessDeniedDetail: c.deniedDetail(no),
		RequestID:          c.requestID, HostID: c.product.hostID(c.region), Code: no.code, Message: no.message,
		Recommend: "https://api.aliyun.com/troubleshoot?q=" + url.QueryEscape(no.code) +
			"&product=" + c.product.name + "&requestId=" + c.requestID,
	}
}

// deniedDetail names the action that no policy allows the caller.
func (c *call) deniedDetail(no *refusal) *accessDenied {
	if no.action == "" {
		return nil
	}
	who := c.credential.Caller
	kind := map[string]string{"RAMUser": "SubUser", "AssumedRoleUser": "AssumedRoleUser"}[who.Type]
	return &accessDenied{
		AuthAction: no.action, AuthPrincipalType: kind, AuthPrincipalOwnerID: string(who.Account),
		AuthPrincipalDisplayName: who.Name, NoPermissionType: "ImplicitDeny", PolicyType: "AccountLevelIdentityBasedPolicy",
	}
}

func (c *call) contentType() string {
	if c.xml {
		return "text/xml;charset=utf-8"
	}
	return "application/json;charset=utf-8"
}

// render writes v as JSON, or as XML under the root's name.
func (c *call) render(root string, v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if c.xml {
		return toXML(root, text)
	}
	return text, nil
}

// toXML turns JSON into the vendor's XML: an element per key, a list as its
// key's element repeated.
func toXML(root string, text []byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(xml.Header)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := writeElement(&out, decoder, root); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func writeElement(out *bytes.Buffer, decoder *json.Decoder, name string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token == json.Delim('[') {
		for decoder.More() {
			if err := writeElement(out, decoder, name); err != nil {
				return err
			}
		}
		_, err := decoder.Token()
		return err
	}
	out.WriteString("<" + name + ">")
	if token == json.Delim('{') {
		err = writeMembers(out, decoder)
	} else {
		err = writeScalar(out, token)
	}
	out.WriteString("</" + name + ">")
	return err
}

func writeMembers(out *bytes.Buffer, decoder *json.Decoder) error {
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return io.ErrUnexpectedEOF
		}
		if err := writeElement(out, decoder, name); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

func writeScalar(out *bytes.Buffer, token json.Token) error {
	switch value := token.(type) {
	case string:
		return xml.EscapeText(out, []byte(value))
	case json.Number:
		out.WriteString(value.String())
	case bool:
		out.WriteString(strconv.FormatBool(value))
	}
	return nil
}

// reset ends the connection with a TCP reset instead of an answer.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // not a connection of HTTP/1: close it without an answer
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
