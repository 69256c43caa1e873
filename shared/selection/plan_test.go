package selection_test

import (
	"encoding/json"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	all := image.Kinds()
	for name, c := range map[string]struct {
		query    selection.Query
		accounts int
	}{
		"default is one call":                     {selection.Query{}, 1},
		"one kind has its own call":               {selection.Query{Kinds: []image.Kind{"custom"}}, 1},
		"all kinds are three calls":               {selection.Query{Kinds: all}, 1},
		"shared of two accounts needs the owners": {selection.Query{Kinds: []image.Kind{"shared"}}, 2},
		"an owner is for others' images only":     {selection.Query{Kinds: []image.Kind{"custom", "shared", "community"}, Owner: theirs}, 1},
		"alibaba is in the Marketplace, too":      {selection.Query{Provider: selection.Alibaba}, 1},
		"filters are pushed down": {selection.Query{
			Kinds: []image.Kind{"custom"}, Families: []image.Family{"web-base"}, Snapshot: "s-1", OSType: image.Linux, Architecture: image.ARM64,
			Usage: image.UsageNone, InstanceType: "ecs.g7.large", Statuses: []image.Status{"Deprecated"},
			Name: "web*", Tags: map[string]string{"a": "b"}, Platform: "Ubuntu", Software: "nginx", CreatedAfter: day(1),
		}, 1},
		"explaining sees what does not fit": {selection.Query{
			Kinds: []image.Kind{"custom"}, Families: []image.Family{"web-base"}, OSType: image.Linux, InstanceType: "ecs.g7.large", Explain: true,
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := c.query.Complete()
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(selection.Plan(q, c.accounts), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "plan "+name+".json", string(text)+"\n")
		})
	}
}
