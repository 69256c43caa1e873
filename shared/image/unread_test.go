package image_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

func TestOnlyARefusalIsCuredByAPermission(t *testing.T) {
	t.Parallel()
	const known = "ecs:DescribeImages"
	refused := fault.New(fault.Forbidden, "ECS refused it").WithCode("Forbidden.RAM")
	named := *refused
	named.Permission = "sts:AssumeRole"
	for _, c := range []struct {
		name       string
		err        error
		permission string
		code       string
	}{
		{"refused", refused, known, "Forbidden.RAM"},
		{"refused, and it says what is missing", fmt.Errorf("images: %w", &named), "sts:AssumeRole", "Forbidden.RAM"},
		{"throttled", fault.New(fault.Throttled, "too many calls"), "", "throttled"},
		{"no kind", fmt.Errorf("a cause for the log"), "", "internal"},
	} {
		got := image.UnreadOf("1", "cn-hangzhou", known, c.err)
		if got.Permission != c.permission || got.Code != c.code || got.Account != "1" || got.Region != "cn-hangzhou" {
			t.Errorf("%s: got %+v", c.name, got)
		}
		if got.Sentence == "" || got.Sentence == "a cause for the log" {
			t.Errorf("%s: the sentence is %q", c.name, got.Sentence)
		}
	}
}

func TestUnreadIsInOneOrderEachOnce(t *testing.T) {
	t.Parallel()
	var all []image.Unread
	for _, account := range []image.AccountID{"", "1", "2"} {
		for _, region := range []image.RegionID{"", "cn-hangzhou"} {
			for _, permission := range []string{"", "ecs:DescribeImages"} {
				for _, code := range []string{"a", "b"} {
					for _, sentence := range []string{"x", "y"} {
						all = append(all, image.Unread{Account: account, Region: region, Permission: permission, Reason: image.Reason{Code: code, Sentence: sentence}})
					}
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		one, two := slices.Clone(all), slices.Clone(all)
		random.Shuffle(len(one), func(a, b int) { one[a], one[b] = one[b], one[a] })
		before := slices.Clone(one)
		if got := image.AllUnread(one, nil, two); !reflect.DeepEqual(got, all) {
			t.Fatalf("got %+v", got)
		}
		if !reflect.DeepEqual(one, before) {
			t.Fatal("the list of the caller was changed")
		}
	}
	if got := image.AllUnread(nil); got == nil || len(got) != 0 {
		t.Errorf("nothing: got %#v", got)
	}
}

func ExampleUnreadOf() {
	refused := fault.New(fault.Forbidden, "ECS refused the call for want of permission").WithCode("Forbidden.RAM")
	u := image.UnreadOf("1000000000000002", "cn-hangzhou", "ecs:DescribeSnapshots", refused)
	fmt.Println(u.Code, u.Permission)
	// Output: Forbidden.RAM ecs:DescribeSnapshots
}
