package ecsapi

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// maxSkew is how far a time stamp may be from the clock.
const maxSkew = 15 * time.Minute

// The scheme's time stamp.
const stampLayout = "2006-01-02T15:04:05Z"

// call is one API call on its way through the server.
type call struct {
	requestID string
	at        time.Time
	method    string
	host      string
	// pairs are query and form merged, in the order in which they came.
	pairs []pair
	// acs3: the call came signed in headers, and is answered in JSON.
	acs3    bool
	xml     bool
	product product
	action  string
	region  string

	op          *operation
	accessKeyID string
	credential  cloudsim.Credential
	session     *cloudsim.Session
	parameters  *parameters

	// counted: the meters have the call in flight.
	counted bool
	// quota is what is left of the rate after this call.
	quota quota
	fault FaultKind
}

func (c *call) account() string { return string(c.credential.Caller.Account) }

func (c *call) subject() subject {
	return subject{account: c.account(), product: c.product.name, action: c.op.name}
}

// place is where the rate of the call is kept: the region that it names, if any.
func (c *call) place() place { return place{subject: c.subject(), region: c.value("RegionId")} }

// value is a parameter as it came, before the operation's table is known.
func (c *call) value(name string) string {
	for _, p := range c.pairs {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// laterPage reports whether the call asks for a page after the first.
func (c *call) laterPage() bool {
	number := c.value("PageNumber")
	return c.value("NextToken") != "" || (number != "" && number != "0" && number != "1")
}

// newRequestID is an upper-case UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails; see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// open starts a call. Whoever signs in headers gets JSON whatever happens.
func (s *Server) open(r *http.Request) *call {
	scheme := strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-")
	return &call{
		requestID: newRequestID(), at: s.clock.Now(), method: r.Method, host: r.Host,
		acs3: scheme, xml: !scheme, product: productOf(""),
	}
}

// identify reads the call and finds out what it wants and who sent it.
func (s *Server) identify(r *http.Request, c *call) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	form := ""
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		form = string(body)
	}
	pairs, malformed := merge(r.URL.RawQuery, form)
	c.pairs = pairs
	c.region = c.value("RegionId")
	no := cmp.Or(c.choose(r), malformed)
	if no != nil {
		return no
	}
	if no := s.route(r, c); no != nil {
		return no
	}
	if c.acs3 {
		no = s.verifyACS3(r, c, body)
	} else {
		no = s.verifyRPC(c)
	}
	if no != nil {
		return no
	}
	c.session = s.cloud.As(c.credential.Caller)
	return nil
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return nil, refuse(413, "InvalidParameter", "The request body is longer than %d bytes.", tooLong.Limit)
	}
	return body, err
}

// choose finds out in which format to answer. XML is the RPC scheme's default.
func (c *call) choose(r *http.Request) *refusal {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return refuse(403, "UnsupportedHTTPMethod", "This http method is not supported.")
	}
	if c.acs3 {
		return nil
	}
	switch strings.ToUpper(c.value("Format")) {
	case "JSON":
		c.xml = false
	case "XML", "":
	default:
		return invalidParameter("Format")
	}
	return nil
}

// route finds the operation.
func (s *Server) route(r *http.Request, c *call) *refusal {
	action, version := c.value("Action"), c.value("Version")
	if c.acs3 {
		action, version = r.Header.Get("x-acs-action"), r.Header.Get("x-acs-version")
	}
	c.action, c.product = action, productOf(version)
	switch {
	case action == "":
		return missingParameter("Action")
	case version == "":
		return missingParameter("Version")
	case c.product.version == "":
		return refuse(400, "InvalidVersion", "Specified parameter Version is not valid.")
	}
	op, ok := s.operations[action]
	if !ok || op.product != c.product && op.also != c.product {
		return refuse(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	c.op = op
	return nil
}

// verifyRPC verifies a call that is signed in its parameters.
func (s *Server) verifyRPC(c *call) *refusal {
	for _, name := range []string{"AccessKeyId", "Signature", "Timestamp", "SignatureMethod", "SignatureVersion", "SignatureNonce"} {
		if c.value(name) == "" {
			return missingParameter(name)
		}
	}
	if c.value("SignatureMethod") != "HMAC-SHA1" {
		return invalidParameter("SignatureMethod")
	}
	if c.value("SignatureVersion") != "1.0" {
		return invalidParameter("SignatureVersion")
	}
	if no := s.fresh(c, c.value("Timestamp")); no != nil {
		return no
	}
	if no := s.authenticate(c, c.value("AccessKeyId")); no != nil {
		return no
	}
	toSign := rpcStringToSign(c.method, c.pairs)
	if !sameSecret(rpcSignature(c.credential.Secret, toSign), c.value("Signature")) {
		return s.forget(c, refuse(400, "SignatureDoesNotMatch",
			"Specified signature is not matched with our calculation. server string to sign is:%s", toSign))
	}
	return s.trust(c, c.value("SecurityToken"), c.value("SignatureNonce"))
}

// verifyACS3 verifies a call that is signed in its headers.
func (s *Server) verifyACS3(r *http.Request, c *call, body []byte) *refusal {
	claim, ok := parseACS3(r.Header.Get("Authorization"))
	if !ok {
		return incompleteSignature()
	}
	for _, name := range []string{"x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"} {
		if r.Header.Get(name) == "" {
			return missingParameter(name)
		}
	}
	if !signsAll(r, claim.signedHeaders) {
		return incompleteSignature()
	}
	if no := s.fresh(c, r.Header.Get("x-acs-date")); no != nil {
		return no
	}
	if no := s.authenticate(c, claim.accessKeyID); no != nil {
		return no
	}
	query, _ := merge(r.URL.RawQuery, "")
	hash := hexSHA256(body)
	toSign := acs3StringToSign(r, query, claim.signedHeaders, hash, false)
	encoded := acs3StringToSign(r, query, claim.signedHeaders, hash, true)
	matches := sameSecret(acs3Signature(c.credential.Secret, toSign), claim.signature) ||
		sameSecret(acs3Signature(c.credential.Secret, encoded), claim.signature)
	if !matches || !sameSecret(hash, r.Header.Get("x-acs-content-sha256")) {
		return s.forget(c, refuse(400, "SignatureDoesNotMatch",
			"Specified signature does not match our calculation. server StringToSign is [%s]", toSign))
	}
	return s.trust(c, r.Header.Get("x-acs-security-token"), r.Header.Get("x-acs-signature-nonce"))
}

func incompleteSignature() *refusal {
	return refuse(400, "IncompleteSignature", "The request signature does not conform to Aliyun standards.")
}

// signsAll reports whether host and every x-acs- header that came are signed:
// else a call could be replayed with another action.
func signsAll(r *http.Request, signed []string) bool {
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-acs-") && !slices.Contains(signed, name) {
			return false
		}
	}
	return slices.Contains(signed, "host")
}

// fresh refuses a time stamp that is malformed or too far from the clock.
func (s *Server) fresh(c *call, stamp string) *refusal {
	t, err := time.Parse(stampLayout, stamp)
	if err != nil || t.Format(stampLayout) != stamp { // Parse lets fractions of a second pass
		return refuse(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	}
	if skew := c.at.Sub(t); skew > maxSkew || skew < -maxSkew {
		return refuse(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	return nil
}

// authenticate finds the secret of an access key.
func (s *Server) authenticate(c *call, accessKeyID string) *refusal {
	c.accessKeyID = accessKeyID
	credential, ok := s.cloud.Credential(accessKeyID)
	if !ok {
		return refuse(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	c.credential = credential
	return nil
}

// forget takes back who the caller said to be: nothing is counted or recorded
// in the name of an account that did not sign.
func (s *Server) forget(c *call, no *refusal) *refusal {
	c.credential = cloudsim.Credential{}
	return no
}

// trust checks the token of a session and that the nonce is new. The nonce is
// used up only here: whoever cannot sign cannot burn others' nonces.
func (s *Server) trust(c *call, token, nonce string) *refusal {
	want := c.credential.SecurityToken
	switch {
	case want == "" && token == "":
	case token == "":
		return s.forget(c, refuse(400, "MissingSecurityToken", "SecurityToken is mandatory for this action."))
	case !sameSecret(want, token):
		return s.forget(c, refuse(400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."))
	case !c.credential.Expires.IsZero() && !s.cloudClock.Now().Before(c.credential.Expires):
		return s.forget(c, refuse(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."))
	}
	if !s.nonces.use(c.accessKeyID, nonce, c.at) {
		return refuse(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	return nil
}
