// Package syaml reads s.yaml, the deployment descriptor of Serverless Devs
// (edition 3.0.0), as far as one machine can honour it: vars, env(), file(),
// json(file()), this, resources.<name>.props, template and extend, and the
// resources fc3 and fc3-domain with their triggers and routes. Everything else
// is refused with file, line and column, so that nothing is silently left out.
package syaml

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"imagekeeper/scripts/local/fchost/schedule"
)

// Lookup tells the value of an environment variable.
type Lookup func(name string) (string, bool)

// Position is where in which file something stands; lines and columns count
// from 1.
type Position struct {
	File         string
	Line, Column int
}

// Project is what an s.yaml describes, in the order of the file.
type Project struct {
	Name      string
	Functions []Function
	Routes    []Route
}

// Function is one fc3 resource.
type Function struct {
	Resource    string // the name of the resource: find
	Name        string // functionName: imagekeeper-find
	Region      string
	Handler     string // the executable in Code
	Code        string // the directory, relative to the s.yaml
	MemoryMB    int
	Timeout     time.Duration
	Reserved    int // concurrencyConfig.reservedConcurrency; 0: no bound of its own
	Environment map[string]string
	Triggers    []Trigger
	Async       Async
	Position    Position
}

// Async is how asynchronous invocations that failed are repeated.
type Async struct {
	Attempts int           // repetitions after a failure, 0 to 8
	MaxAge   time.Duration // older invocations are given up
}

// Trigger is one trigger; HTTP, Timer or Objects is set for those types.
type Trigger struct {
	Name     string
	Type     TriggerType
	HTTP     *HTTP
	Timer    *Timer
	Objects  *Objects
	Position Position
}

// TriggerType is a triggerType of an fc3 resource.
type TriggerType string

// The trigger types that are understood. That of EventBridge has no source on one
// machine and fires only when it is told to.
const (
	TriggerHTTP        TriggerType = "http"
	TriggerTimer       TriggerType = "timer"
	TriggerOSS         TriggerType = "oss"
	TriggerEventBridge TriggerType = "eventbridge"
)

// HTTP is the triggerConfig of an HTTP trigger.
type HTTP struct {
	Methods []string
	// JWT is the token that callers need; nil: the trigger is anonymous.
	JWT *JWT
}

// Timer is the triggerConfig of a timer trigger.
type Timer struct {
	Cron     string
	Schedule schedule.Schedule
	Enabled  bool
	Payload  string
}

// Objects is the triggerConfig of an OSS trigger, and its bucket.
type Objects struct {
	Bucket string
	// Events are names such as "ObjectCreated:PutObject"; a * at the end stands for
	// any rest.
	Events []string
	// Prefix and Suffix are those of the keys that matter.
	Prefix, Suffix string
}

// Matches reports whether a change is one to tell of.
func (o Objects) Matches(event, bucket, key string) bool {
	return bucket == o.Bucket && strings.HasPrefix(key, o.Prefix) && strings.HasSuffix(key, o.Suffix) &&
		slices.ContainsFunc(o.Events, func(wanted string) bool {
			wanted = strings.TrimPrefix(wanted, "oss:")
			begin, any := strings.CutSuffix(wanted, "*")
			return event == wanted || any && strings.HasPrefix(event, begin)
		})
}

// Route is one route of an fc3-domain resource.
type Route struct {
	Path     string   // exact, or a prefix that ends in *
	Function string   // functionName
	Methods  []string // empty: all
	Position Position
}

// Load reads the file at path. A file that is not supported, or not right,
// fails with fault.Invalid and every problem found, as *Problems.
func Load(path string, env Lookup) (*Project, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	src, err := readBounded(file)
	if err != nil {
		return nil, problemAt(Position{File: path, Line: 1, Column: 1}, "%v", err)
	}
	read := func(name string) ([]byte, error) {
		if filepath.IsAbs(name) {
			return readFile(name)
		}
		return readFile(filepath.Join(filepath.Dir(path), name))
	}
	return Parse(path, src, env, read)
}
