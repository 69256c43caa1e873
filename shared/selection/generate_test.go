package selection_test

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// anImage draws images that collide in everything but the id.
func anImage() *rapid.Generator[image.Image] {
	return rapid.Custom(func(t *rapid.T) image.Image {
		i := custom(image.ID("m-" + rapid.StringMatching(`[a-z0-9]{1,4}`).Draw(t, "id")))
		i.Name = rapid.SampledFrom([]string{"a", "web", "Web-1", "网站", ""}).Draw(t, "name")
		i.Region = rapid.SampledFrom([]image.RegionID{"cn-hangzhou", "cn-hongkong"}).Draw(t, "region")
		i.Kind = rapid.SampledFrom(image.Kinds()).Draw(t, "kind")
		i.Status = rapid.SampledFrom(image.Statuses()).Draw(t, "status")
		i.Usable = rapid.SampledFrom([]image.Tri{image.Unknown, image.No, image.Yes}).Draw(t, "usable")
		i.OSType = rapid.SampledFrom([]image.OSType{image.Linux, image.Windows}).Draw(t, "osType")
		i.Architecture = rapid.SampledFrom([]image.Architecture{"", image.X86_64, image.ARM64}).Draw(t, "arch")
		i.SizeGiB = rapid.SampledFrom([]int{20, 40}).Draw(t, "size")
		i.CreatedAt = day(1).Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "created")) * 24 * time.Hour)
		i.Disks[0].Encrypted = rapid.SampledFrom([]image.Tri{image.Unknown, image.No, image.Yes}).Draw(t, "encrypted")
		return i
	})
}

// aQuery draws queries that fit some of these.
func aQuery() *rapid.Generator[selection.Query] {
	return rapid.Custom(func(t *rapid.T) selection.Query {
		return selection.Query{
			Kinds:        rapid.SliceOf(rapid.SampledFrom(image.Kinds())).Draw(t, "kinds"),
			Name:         rapid.SampledFrom([]string{"", "*", "w*", "W?b*", "网*"}).Draw(t, "glob"),
			OSType:       rapid.SampledFrom([]image.OSType{"", image.Linux}).Draw(t, "asked osType"),
			Architecture: rapid.SampledFrom([]image.Architecture{"", image.ARM64}).Draw(t, "asked arch"),
			Statuses:     rapid.SliceOf(rapid.SampledFrom(image.Statuses())).Draw(t, "statuses"),
			Encrypted:    rapid.SampledFrom([]image.Tri{image.Unknown, image.No, image.Yes}).Draw(t, "asked encrypted"),
			Licence:      rapid.SampledFrom([]selection.Licence{"", selection.Free, selection.Paid}).Draw(t, "licence"),
			Order:        rapid.SampledFrom(orders()).Draw(t, "order"),
		}
	})
}

func orders() []selection.Order {
	return []selection.Order{
		selection.NewestFirst, selection.OldestFirst, selection.NameUp,
		selection.NameDown, selection.SmallestFirst, selection.LargestFirst,
	}
}

func words(text string) []string { return strings.Fields(text) }
