package selection_test

import (
	"slices"
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

func TestCompleteNamesTheWrongParameter(t *testing.T) {
	t.Parallel()
	for field, q := range map[string]selection.Query{
		"kind":          {Kinds: []image.Kind{"private"}},
		"status":        {Statuses: []image.Status{"available"}},
		"osType":        {OSType: "Linux"},
		"arch":          {Architecture: "amd64"},
		"bootMode":      {BootMode: "uefi"},
		"provider":      {Provider: "aliyun"},
		"dataDisks":     {DataDisks: "yes"},
		"licence":       {Licence: "cheap"},
		"usage":         {Usage: "used"},
		"sort":          {Order: "age"},
		"limit":         {Limit: 1001},
		"id":            {IDs: make([]image.ID, 101)},
		"createdBefore": {CreatedAfter: day(2), CreatedBefore: day(2)},
		"tag.":          {Tags: map[string]string{"": "x"}},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			_, err := q.Complete()
			blamed(t, err, field)
		})
	}
}

func TestCompleteKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query selection.Query
		want  []image.Kind
	}{
		"default":           {selection.Query{}, []image.Kind{"custom", "public", "shared"}},
		"as asked":          {selection.Query{Kinds: []image.Kind{"public", "custom", "public"}}, []image.Kind{"custom", "public"}},
		"an id: any kind":   {selection.Query{IDs: []image.ID{"m-1"}}, []image.Kind{"community", "custom", "marketplace", "public", "shared"}},
		"software":          {selection.Query{Software: "nginx"}, []image.Kind{"custom", "marketplace", "public", "shared"}},
		"an ISV's":          {selection.Query{Provider: selection.ISV}, []image.Kind{"custom", "marketplace", "public", "shared"}},
		"an id, one's kind": {selection.Query{IDs: []image.ID{"m-1"}, Kinds: []image.Kind{"shared"}}, []image.Kind{"shared"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := c.query.Complete()
			if err != nil || !slices.Equal(q.Kinds, c.want) {
				t.Errorf("got %v, %v, want %v", q.Kinds, err, c.want)
			}
		})
	}
}

func TestCompleteLeavesTheCallersListsAlone(t *testing.T) {
	t.Parallel()
	asked := []image.RegionID{"cn-shanghai", "cn-hangzhou"}
	q, err := selection.Query{Regions: asked}.Complete()
	if err != nil || asked[0] != "cn-shanghai" || q.Regions[0] != "cn-hangzhou" {
		t.Errorf("got %v from %v, %v", q.Regions, asked, err)
	}
}
