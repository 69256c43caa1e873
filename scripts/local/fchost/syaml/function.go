package syaml

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/schedule"
)

// function reads the props of an fc3 resource.
func (p *parser) function(resource string, props *object) Function {
	f := Function{
		Resource: resource,
		Name:     props.pattern("functionName", required, namePattern("63")),
		Region:   props.text("region", required),
		Handler:  props.pattern("handler", required, regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)),
		Code:     props.text("code", required),
		MemoryMB: props.number("memorySize", 512, 128, 32768),
		Timeout:  time.Duration(props.number("timeout", 3, 1, 86400)) * time.Second,
		Position: props.position(),
	}
	props.oneOf("runtime", required, "go1")
	props.number("instanceConcurrency", 1, 1, 1) // go1 takes one request at a time
	props.number("diskSize", 512, 512, 10240)
	if at := props.n.fields["memorySize"]; at != nil && f.MemoryMB%64 != 0 {
		p.d.add(at, "memorySize must be a multiple of 64, not %d", f.MemoryMB)
	}
	if at := props.n.fields["code"]; at != nil && !filepath.IsLocal(f.Code) {
		p.d.add(at, "code must be a directory below the one of the file, not %q", f.Code)
	}
	// These mean something to the cloud and nothing to one machine.
	props.ignore("description", "cpu", "internetAccess", "role", "logConfig", "vpcConfig", "tags", "resourceGroupId")
	f.Environment = p.environment(props)
	f.Async = p.async(props)
	if limit := props.child("concurrencyConfig", optional); limit != nil {
		f.Reserved = limit.number("reservedConcurrency", 0, 1, 300)
		limit.rest()
	}
	f.Triggers = p.triggers(props)
	props.rest()
	return f
}

// environment reads environmentVariables: at most 4 KB in all, no FC_ names.
func (p *parser) environment(props *object) map[string]string {
	out := map[string]string{}
	vars := props.child("environmentVariables", optional)
	if vars == nil {
		return out
	}
	name := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	total, longest := 0, ""
	for _, key := range vars.n.keys {
		if !name.MatchString(key) || strings.HasPrefix(key, "FC_") {
			p.d.add(vars.n.fields[key], "environmentVariables: the name %q is not allowed", key)
		}
		out[key] = vars.text(key, required)
		total += len(key) + len(out[key])
		if len(out[key]) > len(out[longest]) {
			longest = key
		}
	}
	if total > 4096 {
		p.d.add(vars.n, "environmentVariables: %d bytes, 4096 are allowed; the longest is %s with %d: it may be given as file: and a name in the package", total, longest, len(out[longest]))
	}
	return out
}

// async reads asyncInvokeConfig. Without it a failure is repeated three times,
// for at most a day.
func (p *parser) async(props *object) Async {
	out := Async{Attempts: 3, MaxAge: 24 * time.Hour}
	config := props.child("asyncInvokeConfig", optional)
	if config == nil {
		return out
	}
	out.Attempts = config.number("maxAsyncRetryAttempts", 3, 0, 8)
	out.MaxAge = time.Duration(config.number("maxAsyncEventAgeInSeconds", 86400, 1, 604800)) * time.Second
	config.ignore("asyncTask")
	config.rest()
	return out
}

func (p *parser) triggers(props *object) []Trigger {
	var out []Trigger
	for _, item := range props.items("triggers", optional) {
		t := p.trigger(item)
		if slices.ContainsFunc(out, func(other Trigger) bool { return other.Name == t.Name }) {
			p.d.add(item, "there are two triggers %q", t.Name)
		}
		if t.HTTP != nil && slices.ContainsFunc(out, func(other Trigger) bool { return other.HTTP != nil }) {
			p.d.add(item, "a function has one http trigger at most")
		}
		out = append(out, t)
	}
	return out
}

func (p *parser) trigger(item *node) Trigger {
	o := p.d.object(item, "trigger")
	t := Trigger{
		Name:     o.pattern("triggerName", required, namePattern("127")),
		Type:     TriggerType(o.oneOf("triggerType", required, string(TriggerHTTP), string(TriggerTimer), string(TriggerOSS), string(TriggerEventBridge))),
		Position: o.position(),
	}
	o.ignore("description", "invocationRole")
	if o.get("qualifier", optional) != nil {
		o.oneOf("qualifier", optional, "LATEST")
	}
	source := ""
	if t.Type == TriggerOSS {
		source = o.pattern("sourceArn", required, regexp.MustCompile(`^acs:oss:[^:]*:[^:]*:[a-z0-9-]+$`))
	}
	config := o.child("triggerConfig", required)
	o.rest()
	if config == nil {
		return t
	}
	switch t.Type {
	case TriggerHTTP:
		t.HTTP = p.http(config)
	case TriggerTimer:
		t.Timer = p.timer(config)
	case TriggerOSS:
		t.Objects = p.objects(config, source)
	case TriggerEventBridge:
		config.ignore("triggerEnable", "asyncInvocationType", "eventRuleFilterPattern", "eventSourceConfig", "eventSinkConfig", "runOptions")
		config.rest()
	}
	return t
}

// objects reads the triggerConfig of an OSS trigger. The bucket is the last word
// of its source.
func (p *parser) objects(config *object, source string) *Objects {
	out := &Objects{Bucket: source[strings.LastIndexByte(source, ':')+1:], Events: config.texts("events")}
	if filter := config.child("filter", optional); filter != nil {
		if key := filter.child("key", optional); key != nil {
			out.Prefix, out.Suffix = key.text("prefix", optional), key.text("suffix", optional)
			key.rest()
		}
		filter.rest()
	}
	config.rest()
	return out
}

func (p *parser) http(config *object) *HTTP {
	out := &HTTP{}
	if config.oneOf("authType", required, "anonymous", "jwt") == "jwt" {
		out.JWT = p.jwt(config)
	}
	config.boolean("disableURLInternet", optional)
	out.Methods = p.methods(config, required)
	config.rest()
	return out
}

func (p *parser) methods(o *object, n need) []string {
	o.get("methods", n)
	methods := o.texts("methods")
	known := []string{"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}
	for i, method := range methods {
		if !slices.Contains(known, method) {
			p.d.add(o.n.fields["methods"].items[i], "methods: %q is not one of %q", method, known)
		}
	}
	return methods
}

func (p *parser) timer(config *object) *Timer {
	out := &Timer{
		Cron:    config.text("cronExpression", required),
		Enabled: config.boolean("enable", required),
		Payload: config.text("payload", optional),
	}
	config.rest()
	var err error
	if out.Schedule, err = schedule.Parse(out.Cron); err != nil && config.n.fields["cronExpression"] != nil {
		p.d.add(config.n.fields["cronExpression"], "%v", err)
	}
	if len(out.Payload) > 128<<10 {
		p.d.add(config.n, "payload: longer than 128 KB")
	}
	return out
}
