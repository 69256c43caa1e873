package fchost

import (
	"encoding/json"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
)

// ObjectChange is a change of an object in a bucket, as OSS notifies of it.
type ObjectChange struct {
	// Event is e.g. "ObjectCreated:PutObject".
	Event          string
	Bucket, Region string
	// Owner is the account of the bucket, By who made the change.
	Owner, By   string
	Key         string
	Size, Delta int64
	ETag        string
	ContentType string
	At          time.Time
}

// ObjectChanged starts the functions whose OSS triggers a change matches, as OSS
// does: each with an event of its own, asynchronously. It does not wait.
func (h *Host) ObjectChanged(c ObjectChange) {
	if !h.started.Load() {
		return
	}
	for _, f := range h.functions {
		for _, t := range f.spec.Triggers {
			if t.Objects == nil || !t.Objects.Matches(c.Event, c.Bucket, c.Key) {
				continue
			}
			id := newRequestID(time.Now())
			if !f.invokeAsync(newInvocation(id, string(syaml.TriggerOSS), c.event(t.Name, id)), nil) {
				h.log.printf("%s | the notification of %s/%s is lost: too much waits already", f.spec.Resource, c.Bucket, c.Key)
			}
		}
	}
}

// event is what a function gets; source: the OSS trigger's event format.
func (c ObjectChange) event(rule, requestID string) []byte {
	type object map[string]any
	out, _ := json.Marshal(object{"events": []object{{
		"eventName": c.Event, "eventSource": "acs:oss", "eventTime": c.At.UTC().Format("2006-01-02T15:04:05.000Z"), "eventVersion": "1.0", "region": c.Region,
		"oss": object{
			"bucket":           object{"arn": "acs:oss:" + c.Region + ":" + c.Owner + ":" + c.Bucket, "name": c.Bucket, "ownerIdentity": c.Owner, "virtualBucket": ""},
			"object":           object{"key": c.Key, "size": c.Size, "deltaSize": c.Delta, "eTag": c.ETag, "objectMeta": object{"mimeType": c.ContentType}},
			"ossSchemaVersion": "1.0", "ruleId": rule,
		},
		"requestParameters": object{"sourceIPAddress": "127.0.0.1"},
		"responseElements":  object{"requestId": requestID},
		"userIdentity":      object{"principalId": c.By},
	}}})
	return out
}
