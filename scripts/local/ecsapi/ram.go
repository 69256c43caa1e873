package ecsapi

import (
	"encoding/json"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// roleOperations are those of RAM that roles need, and those of Quota Center.
func roleOperations() []operation {
	return []operation{
		{product: ram(), name: "GetRole", run: getRole, takes: declared(`RoleName!`)},
		{product: ram(), name: "ListPoliciesForRole", run: listPoliciesForRole, lists: wholeList, takes: declared(`RoleName!`)},
		{product: ram(), name: "CreateRole", run: createRole, takes: declared(`RoleName! AssumeRolePolicyDocument! Description MaxSessionDuration:int`)},
		{product: ram(), name: "UpdateRole", run: updateRole, takes: declared(`RoleName! NewAssumeRolePolicyDocument! NewDescription NewMaxSessionDuration:int`)},
		{product: ram(), name: "CreatePolicy", run: createPolicy, takes: declared(`PolicyName! PolicyDocument! Description`)},
		{product: ram(), name: "AttachPolicyToRole", run: attachPolicyToRole, takes: declared(`PolicyType! PolicyName! RoleName!`)},
		{product: ram(), name: "GetPolicy", run: getPolicy, takes: declared(`PolicyName! PolicyType!`)},
		{
			product: quotas(), name: "GetProductQuota", run: getProductQuota, missing: missingInQuotas,
			takes: declared(`ProductCode! QuotaActionCode! Dimensions.N.Key Dimensions.N.Value`),
		},
		{
			product: quotas(), name: "ListProductQuotas", run: listProductQuotas, lists: bareTokens, missing: missingInQuotas,
			takes: declared(`ProductCode! Dimensions.N.Key Dimensions.N.Value GroupCode KeyWord MaxResults:int NextToken QuotaActionCode
			QuotaCategory SortField SortOrder`),
		},
	}
}

func missingInQuotas(row string) *refusal {
	if row == "ProductCode" {
		return refuse(400, "MissingProductCode", "ProductCode is mandatory for this action.")
	}
	return refuse(400, "PARAMETER.ILLEGALL", "The parameter %s is illegal.", firstOf(row))
}

type getRoleAnswer struct {
	receipt
	Role wireRAMRole
}

type wireRAMRole struct {
	RoleID                   string `json:"RoleId"`
	RoleName                 string
	Arn                      string
	Description              string
	AssumeRolePolicyDocument string
	CreateDate               string
	UpdateDate               string
	MaxSessionDuration       int
	IsServiceLinkedRole      bool
}

func getRole(c *call) (answer, error) {
	role, err := c.session.GetRole(c.parameters.text("RoleName"))
	if err != nil {
		return nil, err
	}
	return shownRole(role), nil
}

func shownRole(role cloudsim.RoleRow) *getRoleAnswer {
	return &getRoleAnswer{Role: wireRAMRole{
		RoleID: role.ID, RoleName: role.Name, Arn: role.ARN, Description: role.Description, AssumeRolePolicyDocument: role.Trust,
		CreateDate: toSecond(role.CreatedAt), UpdateDate: toSecond(role.CreatedAt), MaxSessionDuration: 3600,
	}}
}

func createRole(c *call) (answer, error) {
	role, err := c.session.CreateRole(c.parameters.text("RoleName"), c.parameters.text("AssumeRolePolicyDocument"))
	if err != nil {
		return nil, err
	}
	return shownRole(role), nil
}

func updateRole(c *call) (answer, error) {
	role, err := c.session.UpdateRole(c.parameters.text("RoleName"), c.parameters.text("NewAssumeRolePolicyDocument"))
	if err != nil {
		return nil, err
	}
	return shownRole(role), nil
}

func createPolicy(c *call) (answer, error) {
	policy, err := c.session.CreatePolicy(c.parameters.text("PolicyName"), c.parameters.text("PolicyDocument"))
	if err != nil {
		return nil, err
	}
	at := toSecond(policy.AttachedAt)
	return &createPolicyAnswer{Policy: wirePolicyDetail{policy.Name, policy.Type, "", "v1", 0, at, at, policy.Document}}, nil
}

type createPolicyAnswer struct {
	receipt
	Policy wirePolicyDetail
}

func attachPolicyToRole(c *call) (answer, error) {
	p := c.parameters
	if err := c.session.AttachPolicyToRole(p.text("PolicyType"), p.text("PolicyName"), p.text("RoleName")); err != nil {
		return nil, err
	}
	return &receipt{}, nil
}

type rolePoliciesAnswer struct {
	receipt
	Policies struct{ Policy rows[wireRolePolicy] }
}

type wireRolePolicy struct {
	PolicyName     string
	PolicyType     string
	Description    string
	DefaultVersion string
	AttachDate     string
}

func (a *rolePoliciesAnswer) content() editable { return &a.Policies.Policy }
func (a *rolePoliciesAnswer) place() *pagePlace { return &pagePlace{} }

func listPoliciesForRole(c *call) (answer, error) {
	policies, err := c.session.ListPoliciesForRole(c.parameters.text("RoleName"))
	if err != nil {
		return nil, err
	}
	a := &rolePoliciesAnswer{}
	a.Policies.Policy = rowsOf(policies, func(p cloudsim.PolicyRow) wireRolePolicy {
		return wireRolePolicy{p.Name, p.Type, p.Description, "v1", toSecond(p.AttachedAt)}
	})
	return a, nil
}

type getPolicyAnswer struct {
	receipt
	Policy               wirePolicyDetail
	DefaultPolicyVersion wirePolicyVersion
}

type wirePolicyDetail struct {
	PolicyName      string
	PolicyType      string
	Description     string
	DefaultVersion  string
	AttachmentCount int
	CreateDate      string
	UpdateDate      string
	PolicyDocument  string
}

type wirePolicyVersion struct {
	VersionID        string `json:"VersionId"`
	IsDefaultVersion bool
	PolicyDocument   string
	CreateDate       string
}

func getPolicy(c *call) (answer, error) {
	policy, err := c.session.GetPolicy(c.parameters.text("PolicyType"), c.parameters.text("PolicyName"))
	if err != nil {
		return nil, err
	}
	at := toSecond(policy.AttachedAt)
	return &getPolicyAnswer{
		Policy:               wirePolicyDetail{policy.Name, policy.Type, policy.Description, "v1", 1, at, at, policy.Document},
		DefaultPolicyVersion: wirePolicyVersion{"v1", true, policy.Document, at},
	}, nil
}

type quotaAnswer struct {
	receipt
	Quota wireQuota
}

type wireQuota struct {
	ProductCode      string
	QuotaActionCode  string
	QuotaName        string
	QuotaDescription string
	QuotaType        string
	QuotaCategory    string
	QuotaArn         string
	QuotaUnit        string
	TotalQuota       json.Number
	TotalUsage       json.Number
	Dimensions       map[string]string
	Adjustable       bool
	ApplicableType   string
	Consumable       bool
	GlobalQuota      bool
}

// quotaOnWire writes the numbers with a point, as the vendor does.
func (c *call) quotaOnWire(q cloudsim.QuotaRow) wireQuota {
	number := func(n float64) json.Number {
		text, _ := json.Marshal(n) // no quota is beyond what JSON can say
		if !strings.ContainsRune(string(text), '.') {
			text = append(text, '.', '0')
		}
		return json.Number(text)
	}
	return wireQuota{
		ProductCode: "ecs", QuotaActionCode: q.ID, QuotaName: q.Name, QuotaDescription: q.Name, QuotaType: "normal", QuotaCategory: "CommonQuota",
		QuotaArn:  "acs:quotas:" + string(q.Region) + ":" + c.account() + ":quota/ecs/" + q.ID,
		QuotaUnit: "AMOUNT", TotalQuota: number(q.Total), TotalUsage: number(q.Used), Dimensions: map[string]string{"regionId": string(q.Region)},
		Adjustable: true, ApplicableType: "continuous", Consumable: q.Consumable,
	}
}

func (c *call) productQuota() cloudsim.ProductQuotaRequest {
	p := c.parameters
	req := cloudsim.ProductQuotaRequest{Product: p.text("ProductCode"), Quota: p.text("QuotaActionCode")}
	for _, n := range p.numbers("Dimensions") {
		key := p.member("Dimensions", n, "Key")
		req.Dimensions = append(req.Dimensions, key)
		if key == "regionId" {
			req.Region = image.RegionID(p.member("Dimensions", n, "Value"))
		}
	}
	return req
}

func getProductQuota(c *call) (answer, error) {
	quota, err := c.session.GetProductQuota(c.productQuota())
	if err != nil {
		return nil, err
	}
	return &quotaAnswer{Quota: c.quotaOnWire(quota)}, nil
}

type quotasAnswer struct {
	receipt
	TotalCount int
	MaxResults int
	NextToken  string `json:",omitempty"`
	Quotas     rows[wireQuota]
}

func (a *quotasAnswer) content() editable { return &a.Quotas }
func (a *quotasAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func listProductQuotas(c *call) (answer, error) {
	quotas, err := c.session.ListProductQuotas(c.productQuota())
	if err != nil {
		return nil, err
	}
	return &quotasAnswer{TotalCount: len(quotas), MaxResults: 30, Quotas: rowsOf(quotas, c.quotaOnWire)}, nil
}
