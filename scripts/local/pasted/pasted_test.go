package pasted_test

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/pasted"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// What is no call of the program, or is more than one, is refused; what a shell makes of
// a line is what is read.
func TestRead(t *testing.T) {
	t.Parallel()
	got, err := pasted.Read(t.Context(), "aliyun", `aliyun ram X --A '{"a": "b"}' && aliyun ecs Y --B "$IMAGE_ID" --C ''`, "IMAGE_ID=m 1")
	want := []pasted.Call{{[]string{"ram", "X", "--A", `{"a": "b"}`}}, {[]string{"ecs", "Y", "--B", "m 1", "--C", ""}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, line := range []string{`aliyun ecs X --ImageId "$IMAGE_ID"`, "aliyun ecs X --ImageId <the new id>", "aliyun ecs X > file", "touch file", "aliyun ecs X '"} {
		if got, err := pasted.Read(t.Context(), "aliyun", line); err == nil {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ecsapi.New(company.New(cloudsim.Options{}, company.Options{Images: 5}), ecsapi.Options{Strict: true}))
	t.Cleanup(server.Close)
	said, err := pasted.Run(t.Context(), server.URL, "local", "aliyun ecs DescribeRegions && aliyun ecs DescribeImages --RegionId cn-hangzhou --ImageId m-none")
	if err != nil || len(said) != 2 || !strings.Contains(said[0], "cn-hangzhou") || !strings.Contains(said[1], `"TotalCount":0`) {
		t.Errorf("%v, %v", said, err)
	}
	for line, code := range map[string]string{
		"aliyun ecs NoSuchOperation --RegionId cn-hangzhou": "InvalidAction.NotFound", "aliyun ecs X --A --B c": "", "aliyun none X": "",
		"aliyun ecs X A b": "", "aliyun ecs X --A b --A c": "",
	} {
		if _, err := pasted.Run(t.Context(), server.URL, "local", line); err == nil || pasted.Code(err) != code && code != "" {
			t.Errorf("%s: %v", line, err)
		}
	}
}
