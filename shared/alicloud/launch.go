package alicloud

import (
	"context"
	"encoding/base64"
	"strconv"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Launch starts one instance that is paid by the hour and has no public address.
// It may fail after it was accepted: the instance is gone then. It is repeatable
// under its token. Source: RunInstances.
func (a Operator) Launch(ctx context.Context, in image.RegionID, r image.LaunchRequest) (image.InstanceID, error) {
	given := params{
		"RegionId": string(in), "ImageId": string(r.Image), "InstanceType": string(r.Type), "VSwitchId": r.VSwitch, "SecurityGroupId": r.SecurityGroup,
		"InstanceName": r.Name, "SystemDisk.Category": r.DiskCategory, "AutoReleaseTime": instant(r.ReleaseAt), "InstanceChargeType": "PostPaid",
		"Amount": "1", "InternetMaxBandwidthOut": "0", "ClientToken": r.Token,
	}.tags(r.Tags)
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:RunInstances", region: in, token: r.Token,
		given: given,
	}, fields[[]string]{
		"InstanceIdSets": func(s *scanner, ids *[]string) { *ids = s.texts("InstanceIdSet") },
	}, func(ids []string) bool { return len(ids) == 1 && ids[0] != "" })
	if err != nil {
		return "", err
	}
	return image.InstanceID(got[0]), nil
}

// texts reads {"<inner>":["a","b"]}.
func (s *scanner) texts(inner string) (found []string) {
	s.object(func(key []byte) {
		if string(key) != inner {
			s.skip()
			return
		}
		s.array(func() { found = append(found, s.str()) })
	})
	return found
}

// Terminate deletes an instance that is paid by the hour, with its system disk,
// whether it runs or not. One that is already gone is a success. It is
// asynchronous. Source: DeleteInstance.
func (a Operator) Terminate(ctx context.Context, in image.RegionID, id image.InstanceID) error {
	err := a.actOn(ctx, act{operation: "ecs:DeleteInstance", region: in, given: params{"RegionId": string(in), "InstanceId": string(id), "Force": "true"}}, string(id))
	return unlessGone(err, "InvalidInstanceId.NotFound")
}

// SetAutoRelease sets when ECS releases an instance by itself; the zero time is
// refused with fault.Invalid, because ECS would take the time away. Source:
// ModifyInstanceAutoReleaseTime.
func (a Operator) SetAutoRelease(ctx context.Context, region image.RegionID, id image.InstanceID, at time.Time) error {
	if at.IsZero() {
		return fault.InField("autoReleaseAt", "required", "must be a time")
	}
	return a.actOn(ctx, act{operation: "ecs:ModifyInstanceAutoReleaseTime", region: region, given: params{"RegionId": string(region), "InstanceId": string(id), "AutoReleaseTime": instant(at)}}, string(id))
}

// ConsoleOutput returns the text of an instance's serial console as of its last
// start or stop. Source: GetInstanceConsoleOutput.
func (a Operator) ConsoleOutput(ctx context.Context, in image.RegionID, id image.InstanceID) (string, error) {
	if err := checkIDs([]image.InstanceID{id}); err != nil {
		return "", err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return "", err
	}
	type said struct {
		id, text string
		decoded  bool
	}
	got, err := ask(ctx, a.Account, question[said]{
		operation: "ecs:GetInstanceConsoleOutput", account: account, region: in,
		given: params{"RegionId": string(in), "InstanceId": string(id), "RemoveSymbols": "true"},
		fields: fields[said]{
			"InstanceId":    func(s *scanner, g *said) { g.id = s.str() },
			"ConsoleOutput": func(s *scanner, g *said) { g.text, g.decoded = s.base64() },
		},
		whole: func(g said) bool { return g.id == string(id) && g.decoded },
	})
	return got.text, err
}

// base64 returns the next scalar decoded, and whether it could be.
func (s *scanner) base64() (string, bool) {
	text, err := base64.StdEncoding.DecodeString(s.str())
	return string(text), err == nil
}

// VSwitches lists the networks of a region, from all pages. Source:
// DescribeVSwitches of ECS.
func (a Operator) VSwitches(ctx context.Context, region image.RegionID, vpc string) ([]image.VSwitch, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	l := listing[image.VSwitch]{
		operation: "ecs:DescribeVSwitches", account: account, region: region, size: shortPage,
		shape: shape[image.VSwitch]{outer: "VSwitches", inner: "VSwitch", row: fields[image.VSwitch]{
			"VSwitchId":               func(s *scanner, v *image.VSwitch) { v.ID = s.str() },
			"VpcId":                   func(s *scanner, v *image.VSwitch) { v.VPC = s.word() },
			"ZoneId":                  func(s *scanner, v *image.VSwitch) { v.Zone = image.ZoneID(s.word()) },
			"Status":                  func(s *scanner, v *image.VSwitch) { v.Status = s.word() },
			"AvailableIpAddressCount": func(s *scanner, v *image.VSwitch) { v.Free = s.count() },
		}},
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "VpcId": vpc, "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(shortPage),
			}
		},
		key: func(v *image.VSwitch) string { return v.ID },
		check: func(v *image.VSwitch) error {
			v.Region = region
			return same(vpc, v.VPC)
		},
	}
	return l.byNumber(ctx, a.Account)
}

// SecurityGroups lists the firewalls of a region, from all pages. Source:
// DescribeSecurityGroups.
func (a Operator) SecurityGroups(ctx context.Context, region image.RegionID, vpc string) ([]image.SecurityGroup, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	l := listing[image.SecurityGroup]{
		operation: "ecs:DescribeSecurityGroups", account: account, region: region, size: pageSize,
		shape: shape[image.SecurityGroup]{outer: "SecurityGroups", inner: "SecurityGroup", row: fields[image.SecurityGroup]{
			"SecurityGroupId":   func(s *scanner, g *image.SecurityGroup) { g.ID = s.str() },
			"SecurityGroupName": func(s *scanner, g *image.SecurityGroup) { g.Name = s.str() },
			"VpcId":             func(s *scanner, g *image.SecurityGroup) { g.VPC = s.word() },
		}},
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(region), "VpcId": vpc, "MaxResults": strconv.Itoa(pageSize), "NextToken": token,
			}
		},
		key: func(g *image.SecurityGroup) string { return g.ID },
		check: func(g *image.SecurityGroup) error {
			g.Region = region
			return same(vpc, g.VPC)
		},
	}
	return l.byToken(ctx, a.Account)
}

// RunCommand runs a script once on an instance and returns the run. It is
// repeatable under its token. Source: RunCommand.
func (a Operator) RunCommand(ctx context.Context, in image.RegionID, r image.CommandRequest) (string, error) {
	if err := checkIDs([]image.InstanceID{r.Instance}); err != nil {
		return "", err
	}
	shell := "RunShellScript"
	if r.OSType == image.Windows {
		shell = "RunPowerShellScript"
	}
	given := params{
		"RegionId": string(in), "Type": shell, "CommandContent": base64.StdEncoding.EncodeToString([]byte(r.Command)), "ContentEncoding": "Base64",
		"InstanceId.1": string(r.Instance), "Timeout": number(int(r.Timeout.Seconds())), "Name": r.Name, "ClientToken": r.Token,
	}
	got, err := perform(ctx, a.Account, act{
		operation: "ecs:RunCommand", region: in, token: r.Token,
		given: given,
	}, fields[string]{
		"InvokeId": func(s *scanner, id *string) { *id = s.str() },
	}, func(id string) bool { return id != "" })
	return got, err
}

// invocation is a run on one instance, on the wire. garbled: its output is no text
// in base64.
type invocation struct {
	image.Invocation
	garbled bool
}

// Invocation returns what became of a run on each of its instances, from all
// pages. A run that is not known has none. Source: DescribeInvocationResults.
func (a Operator) Invocation(ctx context.Context, in image.RegionID, run string) ([]image.Invocation, error) {
	if err := checkIDs([]string{run}); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	l := listing[invocation]{
		operation: "ecs:DescribeInvocationResults", account: account, region: in, size: shortPage,
		shape: shape[invocation]{within: "Invocation", outer: "InvocationResults", inner: "InvocationResult", row: invocationFields()},
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(in), "InvokeId": run, "ContentEncoding": "Base64", "MaxResults": strconv.Itoa(shortPage), "NextToken": token,
			}
		},
		key: func(r *invocation) string { return string(r.Instance) },
		check: func(r *invocation) error {
			r.ID = either(r.ID, run)
			if r.Status == "" || r.garbled {
				return errNotAsked
			}
			return same(run, r.ID)
		},
	}
	found, err := l.byToken(ctx, a.Account)
	results := make([]image.Invocation, 0, len(found))
	for _, r := range found {
		results = append(results, r.Invocation)
	}
	return results, err
}

// invocationFields reads DescribeInvocationResults' InvocationResult.
func invocationFields() fields[invocation] {
	return fields[invocation]{
		"InstanceId":       func(s *scanner, r *invocation) { r.Instance = image.InstanceID(s.str()) },
		"InvokeId":         func(s *scanner, r *invocation) { r.ID = s.word() },
		"InvocationStatus": func(s *scanner, r *invocation) { r.Status = s.word() },
		"ExitCode":         func(s *scanner, r *invocation) { r.ExitCode = int(s.whole()) },
		"ErrorCode":        func(s *scanner, r *invocation) { r.ErrorCode = s.word() },
		"Output": func(s *scanner, r *invocation) {
			var whole bool
			r.Output, whole = s.base64()
			r.garbled = !whole
		},
	}
}

// Assistants tells of the agents of up to 100 instances; an instance that ECS
// knows no agent of is absent. Source: DescribeCloudAssistantStatus.
func (a Operator) Assistants(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.AssistantStatus, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	l := listing[image.AssistantStatus]{
		operation: "ecs:DescribeCloudAssistantStatus", account: account, region: in, size: mostIDs,
		shape: shape[image.AssistantStatus]{outer: "InstanceCloudAssistantStatusSet", inner: "InstanceCloudAssistantStatus", row: fields[image.AssistantStatus]{
			"InstanceId":            func(s *scanner, g *image.AssistantStatus) { g.Instance = image.InstanceID(s.str()) },
			"CloudAssistantStatus":  func(s *scanner, g *image.AssistantStatus) { g.Alive = s.flag() },
			"CloudAssistantVersion": func(s *scanner, g *image.AssistantStatus) { g.Version = s.word() },
			"LastHeartbeatTime":     func(s *scanner, g *image.AssistantStatus) { g.HeartbeatAt = s.moment() },
		}},
		request: func(int, string) params {
			return repeat(params{"RegionId": string(in)}, "InstanceId", ids)
		},
		key:   func(g *image.AssistantStatus) string { return string(g.Instance) },
		check: func(g *image.AssistantStatus) error { return asked(ids, g.Instance) },
	}
	return l.once(ctx, a.Account)
}
