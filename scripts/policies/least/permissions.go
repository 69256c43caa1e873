package least

import (
	"slices"
	"strings"

	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/cloudsim"
)

// Permission is the RAM action that an operation, such as "oss:AppendObject",
// takes: mostly that of its own name. Empty if it takes none; source: STS
// GetCallerIdentity.
func Permission(operation string) string {
	if name, ok := strings.CutPrefix(operation, "oss:"); ok {
		return oss.Permission(name)
	}
	if operation == "sts:GetCallerIdentity" {
		return ""
	}
	return operation
}

// permissions are the RAM actions that operations take, in order.
func permissions(operations []string) []string {
	var actions []string
	for _, o := range operations {
		if action := Permission(o); action != "" {
			actions = append(actions, action)
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// Bucket stands in a policy for the name of the bucket with the journal, which
// whoever deploys chooses.
const Bucket = "YOUR-BUCKET"

// Role is the name of the role that accounts give to be looked at.
const Role = "imagekeeper-reader"

// Policy is a document of RAM.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Effect   string
	Action   []string
	Resource []string
	// Condition has, by operator and key, the values that are asked for; none: nothing is.
	Condition map[string]map[string][]string `json:",omitempty"`
}

// Actions are all that the policy allows, in order.
func (p Policy) Actions() []string {
	var all []string
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	return slices.Sorted(slices.Values(all))
}

// resources are what an action is allowed on: the objects or the bucket for OSS, the
// role for STS, and for what ECS changes the kinds of things that it changes. What ECS
// and Auto Scaling list is allowed on all: a list that a policy narrows does not tell
// what it leaves out.
func resources(action string) []string {
	product, name, _ := strings.Cut(action, ":")
	switch {
	case product == "sts":
		return []string{"acs:ram:*:*:role/" + Role}
	case product == "oss" && strings.HasSuffix(name, "Object"):
		return []string{"acs:oss:*:*:" + Bucket + "/*"}
	case product == "oss":
		return []string{"acs:oss:*:*:" + Bucket}
	case product == "ecs":
		var on []string
		for _, kind := range cloudsim.Scope(name) {
			on = append(on, "acs:ecs:*:*:"+kind+"/*")
		}
		if len(on) > 0 {
			return on
		}
	}
	return []string{"*"}
}

// policyOf allows actions, each on what it is about; those on the same stand
// together.
func policyOf(actions []string) Policy {
	p := Policy{Version: "1", Statement: []Statement{}}
	for _, a := range actions {
		on := resources(a)
		n := slices.IndexFunc(p.Statement, func(s Statement) bool { return slices.Equal(s.Resource, on) })
		if n < 0 {
			n = len(p.Statement)
			p.Statement = append(p.Statement, Statement{Effect: "Allow", Resource: on})
		}
		p.Statement[n].Action = append(p.Statement[n].Action, a)
	}
	slices.SortStableFunc(p.Statement, func(a, b Statement) int { return slices.Compare(a.Resource, b.Resource) })
	return p
}

// gates are the tags that a function's instances bear from their first moment, by which
// its policy lets it delete nothing else; source: "Control access to resources by using
// tags", and acs:ResourceTag as it is used with DeleteInstance.
func gates() map[string]string { return map[string]string{"import": "imagekeeper:test"} }

// deletesInstances is what the gates are for.
const deletesInstances = "ecs:DeleteInstance"

// gated is a policy by which only instances with a tag can be deleted.
func gated(p Policy, tag string) Policy {
	for n := range p.Statement {
		s := &p.Statement[n]
		if !slices.Contains(s.Action, deletesInstances) {
			continue
		}
		p.Statement = append(p.Statement, Statement{
			Effect: s.Effect, Action: []string{deletesInstances}, Resource: s.Resource,
			Condition: map[string]map[string][]string{"StringLike": {"acs:ResourceTag/" + tag: {"*"}}},
		})
		p.Statement[n].Action = slices.DeleteFunc(slices.Clone(p.Statement[n].Action), func(a string) bool { return a == deletesInstances })
		break
	}
	return p
}

// marks are the tags that a function puts on whatever it deletes, before it does.
func marks() map[string]string { return map[string]string{"cleanup": "imagekeeper:cleanup"} }

// tagged is a policy that allows deleting only what has a tag, whatever it says.
func tagged(p Policy, tag string) Policy {
	out, deletes := Policy{Version: p.Version}, []Statement{}
	for _, s := range p.Statement {
		left, gated := s, s
		left.Action, gated.Action = nil, nil
		gated.Condition = map[string]map[string][]string{"StringLike": {"ecs:tag/" + tag: {"*"}}}
		for _, action := range s.Action {
			if strings.HasPrefix(action, "ecs:Delete") {
				gated.Action = append(gated.Action, action)
			} else {
				left.Action = append(left.Action, action)
			}
		}
		if len(left.Action) > 0 {
			out.Statement = append(out.Statement, left)
		}
		if len(gated.Action) > 0 {
			deletes = append(deletes, gated)
		}
	}
	out.Statement = append(out.Statement, deletes...)
	return out
}

// regional are the actions that are asked for in each region of an account.
func regional(actions []string) []string {
	return slices.DeleteFunc(slices.Clone(actions), func(a string) bool {
		return !strings.HasPrefix(a, "ecs:") && !strings.HasPrefix(a, "ess:") && !strings.HasPrefix(a, "actiontrail:")
	})
}

// reading are the actions that change nothing, of those that a role of another
// account is assumed for: RAM names what lists and reads by its verb.
func reading(actions []string) []string {
	return slices.DeleteFunc(regional(actions), func(a string) bool {
		_, name, _ := strings.Cut(a, ":")
		return !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "List") && !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "Lookup")
	})
}
