package alicloud

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // the vendor's RPC signature; it is a MAC
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// signed builds one attempt's request, as of a time: the vendor refuses it from
// signatureLife after that on. The address is checked once more.
func (c *Cloud) signed(g grant, call call, at time.Time) (*http.Request, error) {
	to := c.at(call.operation.product(), call.region)
	if !allowed(&url.URL{Scheme: to.scheme, Host: to.host}) {
		return nil, errRefusedAddress
	}
	request := call.operation.request(call.given)
	query, form := url.Values{}, url.Values{}
	for name, value := range request.GetQueryParams() {
		query.Set(name, value)
	}
	for name, value := range request.GetFormParams() {
		form.Set(name, value)
	}
	if len(query.Encode()) > longestQuery {
		query, form = url.Values{}, query
	}
	if region := call.given["RegionId"]; region != "" {
		query.Set("RegionId", region)
		form.Del("RegionId")
	}
	query.Set("Version", request.GetVersion())
	query.Set("Action", request.GetActionName())
	query.Set("Format", "JSON")
	query.Set("Timestamp", at.UTC().Format("2006-01-02T15:04:05Z"))
	query.Set("SignatureMethod", "HMAC-SHA1")
	query.Set("SignatureVersion", "1.0")
	query.Set("SignatureNonce", rand.Text())
	query.Set("AccessKeyId", g.credentials.AccessKeyID)
	if g.credentials.SecurityToken != "" {
		query.Set("SecurityToken", g.credentials.SecurityToken)
	}
	query.Set("Signature", signature(g.credentials.Secret, query, form))
	address := url.URL{Scheme: to.scheme, Host: to.host, Path: "/", RawQuery: query.Encode()}
	out, err := http.NewRequest(http.MethodPost, address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errUnsigned
	}
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.Header.Set("User-Agent", "imagekeeper")
	return out, nil
}

// longestQuery is how long the parameters of a call may be in its address; longer
// ones go into its body.
const longestQuery = 4096

// signature is that of a POST with these parameters. Source: "Request syntax and
// signature method V2 for RPC APIs".
func signature(secret string, query, form url.Values) string {
	all := url.Values{}
	for _, values := range []url.Values{query, form} {
		for name := range values {
			all.Set(name, values.Get(name))
		}
	}
	sorted := strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(all.Encode())
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(http.MethodPost + "&%2F&" + url.QueryEscape(sorted)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// errUnsigned is a defect of ours: a request that cannot be built.
const errUnsigned = unsigned("the request could not be built")

type unsigned string

func (u unsigned) Error() string { return string(u) }
