package ossapi

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// skew is how far a client's clock may be off.
const skew = 15 * time.Minute

// The names that both schemes use.
const (
	algorithmV4 = "OSS4-HMAC-SHA256"
	termination = "aliyun_v4_request"
	compactTime = "20060102T150405Z"
)

// signed is what a signature claims.
type signed struct {
	accessKeyID, signature string
	// token of a temporary key.
	token string
	// text is what was signed; sign computes the signature of it.
	text string
	sign func(secret string) string
	// from and until bound when it is good.
	from, until time.Time
	// region is the one that the signature is for; empty in V1.
	region string
}

// identify finds out who calls, and checks the signature.
func (s *Server) identify(c *call) error {
	claim, err := c.signature()
	if err != nil {
		return err
	}
	if claim.accessKeyID == "" {
		return s.anonymous(c)
	}
	return s.verify(c, claim)
}

// anonymous lets a request of nobody pass to what everybody may do: only with
// objects, if at all.
func (s *Server) anonymous(c *call) error {
	if c.key == "" {
		return refused(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
	}
	c.session = s.cloud.As(cloudsim.Caller{Type: "Anonymous"})
	return s.checkRegion(c, signed{})
}

// verify checks a claim.
func (s *Server) verify(c *call, claim signed) error {
	known, ok := s.cloud.Credential(claim.accessKeyID)
	now := s.clock.Now()
	switch {
	case !ok:
		return refused(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.").with("OSSAccessKeyId", claim.accessKeyID)
	case now.Before(claim.from) || now.After(claim.until):
		return refused(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case known.SecurityToken != claim.token:
		return refused(403, "InvalidSecurityToken", "The security token you provided is invalid.")
	case !known.Expires.IsZero() && s.cloudClock.Now().After(known.Expires):
		return refused(403, "SecurityTokenExpired", "The security token you provided has expired.")
	case !hmac.Equal([]byte(claim.sign(known.Secret)), []byte(claim.signature)):
		return refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
			with("OSSAccessKeyId", claim.accessKeyID).with("SignatureProvided", claim.signature).with("StringToSign", claim.text)
	}
	c.session = s.cloud.As(known.Caller)
	return s.checkRegion(c, claim)
}

// checkRegion refuses a bucket that is asked for at another region's endpoint, or
// with a V4 signature for another region.
func (s *Server) checkRegion(c *call, claim signed) error {
	region, known := s.cloud.RegionOfBucket(c.bucket)
	switch {
	case !known:
	case c.region != "" && c.region != string(region):
		return refused(403, "AccessDenied", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.").
			with("Bucket", c.bucket).with("Endpoint", "oss-"+string(region)+vendorDomain)
	case claim.region != "" && claim.region != string(region):
		return refused(400, "InvalidArgument", "Invalid signing region in Authorization header.").with("Bucket", c.bucket).with("Region", string(region))
	}
	return nil
}

// signature reads the claim of a request, wherever it stands; the zero one if
// nobody says who asks.
func (c *call) signature() (signed, error) {
	header := c.request.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(header, algorithmV4+" "):
		return c.headerV4(strings.TrimPrefix(header, algorithmV4+" "))
	case strings.HasPrefix(header, "OSS "):
		return c.headerV1(strings.TrimPrefix(header, "OSS "))
	case header != "":
		return signed{}, refused(400, "InvalidArgument", "Unsupported authorization type.")
	case c.query.Get("x-oss-signature-version") == algorithmV4:
		return c.queryV4()
	case c.query.Has("OSSAccessKeyId"):
		return c.queryV1()
	}
	return signed{}, nil
}

func incomplete() error {
	return refused(400, "InvalidArgument", "The authorization is not well formed.")
}

// headerV1 reads "OSS id:signature". Where there is an x-oss-date, it counts
// instead of Date.
func (c *call) headerV1(text string) (signed, error) {
	id, signature, ok := strings.Cut(text, ":")
	date := cmp.Or(c.request.Header.Get("x-oss-date"), c.request.Header.Get("Date"))
	at, err := http.ParseTime(date)
	if !ok || err != nil {
		return signed{}, refused(403, "AccessDenied", "OSS authentication requires a valid Date.")
	}
	text = c.toSignV1(date)
	return signed{
		accessKeyID: id, signature: signature, token: c.request.Header.Get("x-oss-security-token"),
		from: at.Add(-skew), until: at.Add(skew), text: text,
		sign: func(secret string) string { return signV1(secret, text) },
	}, nil
}

// queryV1 reads the parameters of a signed address.
func (c *call) queryV1() (signed, error) {
	expires := c.query.Get("Expires")
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return signed{}, incomplete()
	}
	text := c.toSignV1(expires)
	return signed{
		accessKeyID: c.query.Get("OSSAccessKeyId"), signature: c.query.Get("Signature"), token: c.query.Get("security-token"),
		until: time.Unix(seconds, 0), text: text,
		sign: func(secret string) string { return signV1(secret, text) },
	}, nil
}

func signV1(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// toSignV1 is what V1 signs; date is the Date header or the time of expiry.
func (c *call) toSignV1(date string) string {
	h := c.request.Header
	lines := []string{c.request.Method, h.Get("Content-MD5"), h.Get("Content-Type"), date}
	for _, name := range c.headers(func(name string) bool { return strings.HasPrefix(name, "x-oss-") }) {
		lines = append(lines, name+":"+joined(h.Values(name)))
	}
	resource := "/"
	if c.bucket != "" {
		resource += c.bucket + "/" + c.key
	}
	var parameters []string
	for name := range c.query {
		if !slices.Contains(subResources(), name) && !strings.HasPrefix(name, "x-oss-") {
			continue
		}
		if value := c.query.Get(name); value != "" {
			name += "=" + value
		}
		parameters = append(parameters, name)
	}
	slices.Sort(parameters)
	if len(parameters) > 0 {
		resource += "?" + strings.Join(parameters, "&")
	}
	return strings.Join(append(lines, resource), "\n")
}

// subResources are the parameters that V1 signs: what any of the vendor's SDKs,
// old or new, signs.
func subResources() []string {
	return strings.Fields(`acl append asyncFetch bucketInfo callback callback-var cloudboxes cname comp continuation-token cors delete
		encryption endTime img inventory inventoryId lifecycle live location logging metaQuery objectMeta partNumber policy position
		qos qosInfo referer regionList replication replicationLocation replicationProgress requestPayment resourceGroup
		response-cache-control response-content-disposition response-content-encoding response-content-language response-content-type
		response-expires responseHeader restore rtc security-token sequential startTime stat status style styleName symlink tagging
		transferAcceleration udf udfApplication udfApplicationLog udfId udfImage udfImageDesc udfName uploadId uploads versionId
		versioning versions vod website withHashContext worm wormExtend wormId`)
}

// headers are the names of the request's headers that pick takes, in small
// letters and in order.
func (c *call) headers(pick func(name string) bool) []string {
	var names []string
	for name := range c.request.Header {
		if low := strings.ToLower(name); pick(low) {
			names = append(names, low)
		}
	}
	slices.Sort(names)
	return names
}

func joined(values []string) string {
	trimmed := make([]string, len(values))
	for n, v := range values {
		trimmed[n] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ",")
}

// headerV4 reads "Credential=…,AdditionalHeaders=…,Signature=…".
func (c *call) headerV4(text string) (signed, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	claim, scope, err := c.claimV4(parts["Credential"], c.request.Header.Get("x-oss-date"))
	if err != nil {
		return signed{}, err
	}
	at := claim.from
	claim.from, claim.until = at.Add(-skew), at.Add(skew)
	claim.signature, claim.token = parts["Signature"], c.request.Header.Get("x-oss-security-token")
	return c.withText(claim, scope, at, parts["AdditionalHeaders"]), nil
}

// queryV4 reads the parameters of a signed address.
func (c *call) queryV4() (signed, error) {
	claim, scope, err := c.claimV4(c.query.Get("x-oss-credential"), c.query.Get("x-oss-date"))
	if err != nil {
		return signed{}, err
	}
	seconds, err := strconv.ParseInt(c.query.Get("x-oss-expires"), 10, 64)
	if err != nil || seconds < 0 || seconds > 7*24*3600 {
		return signed{}, incomplete()
	}
	at := claim.from
	claim.from, claim.until = at.Add(-skew), at.Add(time.Duration(seconds)*time.Second)
	claim.signature, claim.token = c.query.Get("x-oss-signature"), c.query.Get("x-oss-security-token")
	return c.withText(claim, scope, at, c.query.Get("x-oss-additional-headers")), nil
}

// claimV4 reads a credential, "id/20260101/cn-hangzhou/oss/aliyun_v4_request",
// and the time of signing, which goes into from.
func (c *call) claimV4(credential, date string) (claim signed, scope string, err error) {
	at, err := time.Parse(compactTime, date)
	words := strings.Split(credential, "/")
	if err != nil || len(words) != 5 || words[1] != at.Format("20060102") || words[3] != "oss" || words[4] != termination {
		return signed{}, "", incomplete()
	}
	return signed{accessKeyID: words[0], region: words[2], from: at}, strings.Join(words[1:], "/"), nil
}

// withText completes a claim by how its signature is computed.
func (c *call) withText(claim signed, scope string, at time.Time, additional string) signed {
	request := c.canonicalV4(additional)
	sum := sha256.Sum256([]byte(request))
	text := algorithmV4 + "\n" + at.Format(compactTime) + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	claim.text = text
	claim.sign = func(secret string) string { return signV4(secret, scope, text) }
	return claim
}

// signV4 signs a text with the key that the secret has for a scope.
func signV4(secret, scope, text string) string {
	key := []byte("aliyun_v4" + secret)
	for word := range strings.SplitSeq(scope, "/") {
		key = mac256(key, word)
	}
	return hex.EncodeToString(mac256(key, text))
}

func mac256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// canonicalV4 is the request as V4 signs it.
func (c *call) canonicalV4(additional string) string {
	path := "/"
	if c.bucket != "" {
		path += c.bucket + "/" + c.key
	}
	also := strings.Split(additional, ";")
	headers := ""
	for _, name := range c.headers(func(name string) bool {
		return strings.HasPrefix(name, "x-oss-") || name == "content-type" || name == "content-md5" || slices.Contains(also, name)
	}) {
		headers += name + ":" + joined(c.request.Header.Values(name)) + "\n"
	}
	if slices.Contains(also, "host") {
		headers = withHost(headers, c.request.Host)
	}
	payload := c.request.Header.Get("x-oss-content-sha256")
	if payload == "" {
		payload = "UNSIGNED-PAYLOAD"
	}
	return strings.Join([]string{c.request.Method, escape(path, true), c.canonicalQuery(), headers, additional, payload}, "\n")
}

// withHost puts the Host header, which Go keeps apart, where it belongs among
// the signed ones.
func withHost(headers, host string) string {
	lines := append(strings.SplitAfter(headers, "\n"), "host:"+host+"\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// canonicalQuery is every parameter but the signature itself.
func (c *call) canonicalQuery() string {
	var parameters []string
	for name, values := range c.query {
		if name == "x-oss-signature" {
			continue
		}
		text := escape(name, false)
		if values[0] != "" {
			text += "=" + escape(values[0], false)
		}
		parameters = append(parameters, text)
	}
	slices.Sort(parameters)
	return strings.Join(parameters, "&")
}

// escape percent-encodes all but the unreserved characters, and slashes unless
// they are to stay.
func escape(text string, slashes bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || c == '/' && slashes {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}
