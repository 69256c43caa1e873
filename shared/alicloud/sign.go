package alicloud

import (
	"net/http"
	"net/url"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"imagekeeper/shared/fault"
)

// newSigner returns a client of the SDK that only ever builds and signs, with
// one set of credentials: the SDK ignores any other signer it is given, and
// sending through it is neither safe for concurrent use nor bound to a context.
func newSigner(c Credentials) (*sdk.Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var credential auth.Credential = credentials.NewAccessKeyCredential(c.AccessKeyID, c.Secret)
	if c.SecurityToken != "" {
		credential = credentials.NewStsTokenCredential(c.AccessKeyID, c.Secret, c.SecurityToken)
	}
	config := sdk.NewConfig().WithScheme(requests.HTTPS).WithAutoRetry(false)
	client, err := sdk.NewClientWithOptions("", config, credential)
	if err != nil {
		return nil, fault.New(fault.Internal, "the SDK refused the credentials")
	}
	return client, nil
}

// signed builds one attempt's request. The SDK signs it; address, headers and
// body are taken from there, and the address is checked once more.
func (c *Cloud) signed(g grant, call call) (*http.Request, error) {
	request := call.build()
	request.SetDomain(call.at.host)
	request.SetScheme(call.at.scheme)
	if err := g.signer.BuildRequestWithSigner(request, nil); err != nil {
		return nil, errUnsigned
	}
	address, err := url.Parse(request.BuildUrl())
	if err != nil {
		return nil, errUnsigned
	}
	if !allowed(address) {
		return nil, errRefusedAddress
	}
	out, err := http.NewRequest(request.GetMethod(), address.String(), request.GetBodyReader())
	if err != nil {
		return nil, errUnsigned
	}
	for name, value := range request.GetHeaders() {
		out.Header.Set(name, value)
	}
	out.Header.Set("User-Agent", "imagekeeper")
	return out, nil
}

// errUnsigned is a defect of ours: a request that cannot be built.
const errUnsigned = unsigned("the request could not be built")

type unsigned string

func (u unsigned) Error() string { return string(u) }
