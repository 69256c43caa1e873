package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fanout"
	"imagekeeper/shared/function"
	"imagekeeper/shared/work"
)

// rulesTo are rules by which an upload becomes an image of a channel by itself.
func rulesTo(channel string) string {
	return fmt.Sprintf(`imports:
  - name: golden
    from: oss://golden-uploads/incoming/
    file: "{family}_{version}.{format}"
    families: ["web*"]
    image: {name: "{family}-{version}", family: "{family}", platform: Ubuntu, bootMode: BIOS, diskSizeGiB: 20}
    test: {boot: true, vSwitchId: vsw-1, securityGroupId: sg-1, command: "true"}
    release: {channel: %s}
    apply: true
`, channel)
}

// became is what import answers to an event of OSS.
type became struct {
	Items []struct {
		ID      string
		State   work.State
		Reasons []struct{ Code string }
	}
}

// told delivers that an object was written, as OSS's trigger does.
func (s *stage) told(key string) became {
	s.t.Helper()
	event := fmt.Sprintf(`{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":%q,"eventVersion":"1.0",
		"oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:%s:%s","name":%q,"ownerIdentity":%q,"virtualBucket":""},
		"object":{"deltaSize":1048576,"eTag":"E","key":%q,"size":1048576},"ossSchemaVersion":"1.0","ruleId":"r"},
		"region":"cn-hangzhou","requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"requestId":"1"},"userIdentity":{"principalId":"1"}}]}`,
		time.Now().UTC().Format(time.RFC3339), own, bucket, bucket, own, key)
	text := s.function().Invoke(s.t.Context(), function.Call{Region: "cn-hangzhou", Deadline: time.Now().Add(time.Minute)}, []byte(event))
	var b became
	if err := json.Unmarshal(text, &b); err != nil || len(b.Items) != 1 {
		s.t.Fatalf("%s: %v", text, err)
	}
	return b
}

// imports are all of them.
func (s *stage) imports() []string {
	s.t.Helper()
	var all []string
	_, list := s.get("/imports")
	for _, i := range list.Items {
		all = append(all, string(i.ImageID))
	}
	return all
}

// From an upload to stable by a rule alone; the event comes five times at once, once
// more at its end, and once more a day later: one import.
func TestFromAnUploadToStable(t *testing.T) { synctest.Test(t, fromAnUploadToStable) }

func fromAnUploadToStable(t *testing.T) {
	s := newStage(t)
	s.rules = rulesTo("stable")
	s.upload("incoming/web_1.raw", 0x83)
	var group fanout.Group
	answers := make([]became, 5)
	for n := range answers {
		group.Go(func() { answers[n] = s.told("incoming/web_1.raw") })
	}
	group.Wait()
	id := answers[0].Items[0].ID
	for _, a := range answers {
		if a.Items[0].ID != id || id == "" {
			t.Errorf("%+v beside import %s", a, id)
		}
	}
	s.rules = rulesTo("candidate") // of the rules of before this import is
	w := s.end("imports", id)
	row, found, err := s.session().DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: "cn-hangzhou", ImageFamily: "web"})
	if w.State != work.Finished || err != nil || !found || row.ID != w.Items[0].ImageID {
		t.Errorf("%+v, and the family is %s, %v", w, row.ID, err)
	}
	s.rules = rulesTo("stable")
	for _, later := range []time.Duration{0, 24 * time.Hour} {
		time.Sleep(later)
		b := s.told("incoming/web_1.raw")
		if one := b.Items[0]; one.ID != id || one.Reasons[len(one.Reasons)-1].Code != "alreadyImported" {
			t.Errorf("after %v: %+v", later, b)
		}
	}
	if n := len(s.imports()); n != 1 {
		t.Errorf("%d imports", n)
	}
}

// What an event tells of is there no more: what took its place is imported, once,
// whatever comes when; what is gone is not.
func TestReplacedBeforeItsEvent(t *testing.T) { synctest.Test(t, replacedBeforeItsEvent) }

func replacedBeforeItsEvent(t *testing.T) {
	s := newStage(t)
	s.rules = rulesTo("candidate")
	s.upload("incoming/web_1.raw", 0x07)
	s.upload("incoming/web_1.raw", 0x83)
	first, second := s.told("incoming/web_1.raw"), s.told("incoming/web_1.raw")
	if first.Items[0].ID == "" || first.Items[0].ID != second.Items[0].ID {
		t.Errorf("%+v, %+v", first, second)
	}
	if _, err := s.session().DeleteObject(cloudsim.ObjectName{Bucket: bucket, Key: "incoming/web_1.raw"}); err != nil {
		t.Fatal(err)
	}
	gone := s.told("incoming/web_1.raw").Items[0]
	if gone.ID != "" || gone.Reasons[len(gone.Reasons)-1].Code != "objectNotFound" {
		t.Errorf("%+v", gone)
	}
	if n := len(s.imports()); n != 1 {
		t.Errorf("%d imports", n)
	}
}
