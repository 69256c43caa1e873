package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/scripts/policies/ros"
)

// tell says what a deployment makes, asks of the account, and lacks.
func (d deployer) tell(project *syaml.Project, steps []step, missing []string) {
	where := map[string]string{platformFC: "Function Compute", platformLambda: "AWS Lambda"}[d.platform]
	fmt.Fprintf(d.out, "To be deployed on %s, %s:\n", where, d.where())
	ticks := 0
	for _, f := range project.Functions {
		if !slices.Contains(d.only, f.Resource) {
			continue
		}
		fmt.Fprintf(d.out, "  function %s: %d MB, at most %s\n", f.Name, f.MemoryMB, f.Timeout)
		for _, t := range f.Triggers {
			fmt.Fprintf(d.out, "    trigger %s: %s\n", t.Name, trigger(t))
			ticks += monthly(t, time.Now())
		}
		if d.platform == platformFC {
			fmt.Fprintf(d.out, "    role %s, by functions/%s/policy.json\n", ros.Role(f.Resource), f.Resource)
		} else {
			fmt.Fprintf(d.out, "    a role that SAM makes, to write logs; on Alibaba Cloud it is who ALIBABA_CLOUD_ACCESS_KEY_ID is, and needs functions/%s/policy.json\n", f.Resource)
		}
	}
	if d.platform == platformLambda {
		fmt.Fprintf(d.out, "  gateway, https, with a route for each function\n  stack %s, which has these functions and no others afterwards: name all that are to stay in ONLY\n", lambdaStack)
	}
	if domain := value(d.look, "DOMAIN"); domain != "" && d.platform == platformFC {
		fmt.Fprintf(d.out, "  domain %s, https, with the routes of these functions and no others: name all that it joins in ONLY\n", domain)
	} else if d.platform == platformFC {
		fmt.Fprintln(d.out, "  no domain (DOMAIN is not set): each function answers at its own address")
	}
	if bucket := d.bucket(); bucket != "" {
		fmt.Fprintf(d.out, "  used, not made: bucket %s, with the journal\n", bucket)
	}
	d.tellCost(project, ticks)
	d.tellSteps(steps)
	if len(missing) > 0 {
		fmt.Fprintln(d.out, "Missing on this machine:", strings.Join(missing, ", "))
	}
	if unset := d.unset(); len(unset) > 0 {
		fmt.Fprintln(d.out, "Not set:", strings.Join(unset, ", "))
	}
}

// trigger is what starts a function, in words.
func trigger(t syaml.Trigger) string {
	switch {
	case t.HTTP != nil && t.HTTP.JWT == nil:
		return "https, open to everyone"
	case t.HTTP != nil:
		return "https, with a token; " + strings.Join(t.HTTP.Methods, ", ")
	case t.Timer != nil:
		return "timer " + t.Timer.Cron
	case t.Objects != nil:
		return fmt.Sprintf("uploads to %s/%s", t.Objects.Bucket, t.Objects.Prefix)
	}
	return string(t.Type)
}

// month is the one that ticks are counted over.
const month = 30 * 24 * time.Hour

// monthly is how often a timer fires in thirty days.
func monthly(t syaml.Trigger, now time.Time) int {
	if t.Timer == nil || !t.Timer.Enabled {
		return 0
	}
	count := 0
	for at := t.Timer.Schedule.Next(now); !at.IsZero() && at.Before(now.Add(month)); at = t.Timer.Schedule.Next(at) {
		count++
	}
	return count
}

// tellCost says what is paid for: the price of a unit depends on region, plan and
// free quota, so it is the units that are told.
func (d deployer) tellCost(project *syaml.Project, ticks int) {
	gigabytes := 0.0
	for _, f := range project.Functions {
		if slices.Contains(d.only, f.Resource) {
			gigabytes = max(gigabytes, float64(f.MemoryMB)/1024)
		}
	}
	fmt.Fprintln(d.out, "What it asks of the account in 30 days; the platform's price page has what a unit costs in this region:")
	fmt.Fprintf(d.out, "  timers: %d invocations, about %.0f GB-seconds if each takes a second (a tick with nothing to do takes less)\n", ticks, float64(ticks)*gigabytes)
	fmt.Fprintf(d.out, "  callers: one invocation a request, about %.1f GB-seconds each for every second it takes\n", gigabytes)
	fmt.Fprintln(d.out, "  logs, by what is written and kept; requests to the bucket of the journal, a handful a tick; nothing while nothing runs")
}

// tellSteps says which programs do it.
func (d deployer) tellSteps(steps []step) {
	fmt.Fprintln(d.out, "By these steps:")
	for i, s := range steps {
		fmt.Fprintf(d.out, "  %d. %s: %s\n", i+1, s.tool, s.why)
	}
}
