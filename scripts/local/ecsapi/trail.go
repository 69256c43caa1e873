package ecsapi

import (
	"cmp"
	"strconv"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// trailOperations are ActionTrail's: what was done to whom. The vendor allows
// two calls in a second.
func trailOperations() []operation {
	return []operation{
		{product: actionTrail(), name: "LookupEvents", run: lookupEvents, perMinute: 120, takes: declared(`
			Direction EndTime LookupAttribute.N.Key LookupAttribute.N.Value MaxResults NextToken RegionId StartTime`)},
	}
}

// keyOperations are those of KMS.
func keyOperations() []operation {
	return []operation{{product: kms(), name: "DescribeKey", run: describeKey, takes: declared(`KeyId! RegionId`)}}
}

type keyAnswer struct {
	receipt
	KeyMetadata struct {
		KeyID    string `json:"KeyId"`
		KeyState string
		KeyUsage string
	}
}

func describeKey(c *call) (answer, error) {
	id := c.parameters.text("KeyId")
	state, err := c.session.DescribeKey(image.RegionID(c.parameters.text("RegionId")), id)
	if err != nil {
		return nil, err
	}
	a := &keyAnswer{}
	a.KeyMetadata.KeyID, a.KeyMetadata.KeyState, a.KeyMetadata.KeyUsage = id, string(state), "ENCRYPT/DECRYPT"
	return a, nil
}

// trailAnswer has the events as free objects in a plain list.
type trailAnswer struct {
	receipt
	StartTime string
	EndTime   string
	NextToken string `json:",omitempty"`
	Events    rows[wireEvent]
}

type wireEvent struct {
	EventID             string              `json:"eventId"`
	EventVersion        string              `json:"eventVersion"`
	EventType           string              `json:"eventType"`
	EventName           string              `json:"eventName"`
	EventSource         string              `json:"eventSource"`
	EventTime           string              `json:"eventTime"`
	EventRW             string              `json:"eventRW"`
	ServiceName         string              `json:"serviceName"`
	APIVersion          string              `json:"apiVersion"`
	AcsRegion           string              `json:"acsRegion"`
	RecipientAccountID  string              `json:"recipientAccountId"`
	RequestID           string              `json:"requestId"`
	SourceIPAddress     string              `json:"sourceIpAddress"`
	UserAgent           string              `json:"userAgent"`
	UserIdentity        wireTrailIdentity   `json:"userIdentity"`
	RequestParameters   map[string]any      `json:"requestParameters"`
	ResponseElements    map[string]any      `json:"responseElements"`
	ReferencedResources map[string][]string `json:"referencedResources"`
}

type wireTrailIdentity struct {
	Type        string `json:"type"`
	AccountID   string `json:"accountId"`
	PrincipalID string `json:"principalId"`
	UserName    string `json:"userName"`
}

func (a *trailAnswer) content() editable { return &a.Events }
func (a *trailAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func lookupEvents(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.LookupEventsRequest{
		RegionID: image.RegionID(cmp.Or(c.region, "cn-hangzhou")), Forward: p.text("Direction") == "FORWARD", Next: p.text("NextToken"),
	}
	for _, bound := range []struct {
		name string
		to   *time.Time
	}{{"StartTime", &req.From}, {"EndTime", &req.To}} {
		if text := p.text(bound.name); text != "" {
			at, err := time.Parse(stampLayout, text)
			if err != nil {
				return nil, invalidParameter(bound.name)
			}
			*bound.to = at
		}
	}
	if text := p.text("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, invalidParameter("MaxResults")
		}
		req.MaxResults = refusable(n)
	}
	for _, n := range p.numbers("LookupAttribute") {
		req.Attributes = append(req.Attributes, cloudsim.LookupAttribute{
			Key: p.member("LookupAttribute", n, "Key"), Value: p.member("LookupAttribute", n, "Value"),
		})
	}
	page, err := c.session.LookupEvents(req)
	if err != nil {
		return nil, err
	}
	a := &trailAnswer{StartTime: toSecond(page.From), EndTime: toSecond(page.To), NextToken: page.Next}
	a.Events = rowsOf(page.Events, func(e cloudsim.Event) wireEvent { return eventOnWire(string(req.RegionID), e) })
	return a, nil
}

func eventOnWire(region string, e cloudsim.Event) wireEvent {
	kinds := map[string]string{"RAMUser": "ram-user", "AssumedRoleUser": "assumed-role", "Account": "root-account"}
	return wireEvent{
		EventID: e.ID, EventVersion: "1", EventType: e.Type, EventName: e.Name, EventSource: "ecs." + region + ".aliyuncs.com",
		EventTime: toSecond(e.At), EventRW: "Write", ServiceName: "Ecs", APIVersion: ecs().version, AcsRegion: region,
		RecipientAccountID: string(e.By.Account), RequestID: e.ID, SourceIPAddress: "203.0.113.7", UserAgent: "AlibabaCloud (emulated)",
		UserIdentity: wireTrailIdentity{
			Type: cmp.Or(kinds[e.By.Type], "system"), AccountID: string(e.By.Account), PrincipalID: string(e.By.Account), UserName: e.By.Name,
		},
		RequestParameters: e.Request, ResponseElements: e.Response, ReferencedResources: e.Resources,
	}
}
