package alicloud

import (
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// operation is an operation of one of the vendor's APIs that is called by RPC, as
// RAM names it: "ecs:DescribeImages". Each one that is called stands in the code as
// a constant of this type; what a function can reach of them is what its policies
// allow.
type operation string

// product is whose operation it is.
func (o operation) product() product {
	of, _, _ := strings.Cut(string(o), ":")
	return product(of)
}

// name is what the product calls it.
func (o operation) name() string {
	_, name, _ := strings.Cut(string(o), ":")
	return name
}

// product is one of the vendor's APIs, as RAM policies name it.
type product string

// The products that are called by RPC.
const (
	productECS product = "ecs"
	productSTS product = "sts"
	productESS product = "ess"
	productRAM product = "ram"
	// productQuotas is Quota Center.
	productQuotas      product = "quotas"
	productActionTrail product = "actiontrail"
	productKMS         product = "kms"
)

// version is that of the API that is called. Source: the vendor's SDK.
func (p product) version() string {
	switch p {
	case productSTS:
		return "2015-04-01"
	case productESS:
		return "2014-08-28"
	case productRAM:
		return "2015-05-01"
	case productQuotas:
		return "2020-05-10"
	case productActionTrail:
		return "2020-07-06"
	case productKMS:
		return "2016-01-20"
	}
	return "2014-05-26"
}

// request is the vendor's request of an operation with these parameters: those of
// Quota Center go into the body, the others into the address. The vendor's SDK has
// a type for each operation, and the reflection that reads them keeps all of them
// in a binary; this is the one below them.
func (o operation) request(given params) *requests.RpcRequest {
	r := new(requests.RpcRequest)
	r.InitWithApiInfo(string(o.product()), o.product().version(), o.name(), "", "")
	into := r.GetQueryParams()
	if o.product() == productQuotas {
		into = r.GetFormParams()
	}
	for name, value := range given {
		if value != "" {
			into[name] = value
		}
	}
	return r
}
