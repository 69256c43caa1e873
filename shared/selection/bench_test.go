package selection_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

func many(n int) []image.Image {
	images := make([]image.Image, n)
	for i := range images {
		images[i] = custom(image.ID(fmt.Sprintf("m-%06d", i)), func(m *image.Image) {
			m.CreatedAt = day(1).Add(time.Duration(i*7919%n) * time.Minute)
			if i%3 == 0 {
				m.Status = image.StatusDeprecated
			}
		})
	}
	return images
}

func BenchmarkDecide100000(b *testing.B) {
	q, err := selection.Query{Families: []image.Family{"web-base"}, Name: "web*", OSType: image.Linux, Licence: selection.Free}.Complete()
	if err != nil {
		b.Fatal(err)
	}
	seen := selection.Observed{Glimpses: []selection.Glimpse{{Account: ours, Images: many(100_000)}}, Read: 1}
	b.ReportAllocs()
	for b.Loop() {
		list, err := selection.Decide(q, seen)
		if err != nil || len(list.Page) != selection.DefaultLimit {
			b.Fatal(len(list.Page), err)
		}
	}
}

// Judging one more image costs no memory, so 100000 of them fit.
func TestJudgingAllocatesNothing(t *testing.T) {
	q, err := selection.Query{
		Kinds: image.Kinds(), Families: []image.Family{"web-base"}, Name: "web*", OSType: image.Linux, Platform: "Ubuntu", Licence: selection.Free,
		Tags: map[string]string{"team": "web"}, DataDisks: selection.WithoutDataDisks, Encrypted: image.No, CreatedAfter: day(1),
	}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	judge := selection.NewJudge(q, nil)
	fits := custom("m-1")
	sighting := &selection.Sighting{Image: &fits}
	if !judge.Verdict(sighting).Fits() {
		t.Fatal(judge.Why(judge.Verdict(sighting)))
	}
	if n := testing.AllocsPerRun(100, func() { judge.Verdict(sighting) }); n != 0 {
		t.Errorf("%v allocations per image, want none", n)
	}
}
