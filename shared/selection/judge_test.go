package selection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// judgement is one thing a query can ask: an image that fits, one that does
// not, and the code of the objection.
type judgement struct {
	query selection.Query
	fits  func(*image.Image)
	not   func(*image.Image)
	code  string
	yes   string
}

func judgements() map[string]judgement {
	return map[string]judgement{
		"kind":           {query: selection.Query{Kinds: []image.Kind{"custom"}}, not: func(i *image.Image) { i.Kind = image.KindPublic }, code: "kindDiffers", yes: "kindFits"},
		"region":         {query: selection.Query{Regions: []image.RegionID{"cn-hangzhou"}}, not: func(i *image.Image) { i.Region = "cn-hongkong" }, code: "regionDiffers", yes: "regionFits"},
		"id":             {query: selection.Query{IDs: []image.ID{"m-fits"}}, not: func(i *image.Image) { i.ID = "m-other" }, code: "idDiffers", yes: "idFits"},
		"owner":          {query: selection.Query{Owner: ours}, not: func(i *image.Image) { i.Owner = theirs }, code: "ownerDiffers", yes: "ownerFits"},
		"owner unsaid":   {query: selection.Query{Owner: ours}, fits: func(i *image.Image) { i.Owner = "" }, not: func(i *image.Image) { i.Kind, i.Owner = image.KindShared, "" }, code: "ownerDiffers", yes: "ownerFits"},
		"name":           {query: selection.Query{Name: "WEB-*-m-?its"}, not: func(i *image.Image) { i.Name = "web-base" }, code: "nameDiffers", yes: "nameFits"},
		"family":         {query: selection.Query{Families: []image.Family{"web-base"}}, not: func(i *image.Image) { i.Family = "Web-base" }, code: "familyDiffers", yes: "familyFits"},
		"snapshot":       {query: selection.Query{Snapshot: "s-1"}, not: func(i *image.Image) { i.Disks = nil }, code: "snapshotDiffers", yes: "snapshotFits"},
		"osType":         {query: selection.Query{OSType: image.Linux}, not: func(i *image.Image) { i.OSType = image.Windows }, code: "osTypeDiffers", yes: "osTypeFits"},
		"platform":       {query: selection.Query{Platform: "windows server"}, fits: func(i *image.Image) { i.Platform = "Windows Server 2022" }, not: func(i *image.Image) { i.Platform = "Windows Servers" }, code: "platformDiffers", yes: "platformFits"},
		"arch":           {query: selection.Query{Architecture: image.X86_64}, not: func(i *image.Image) { i.Architecture = "" }, code: "archDiffers", yes: "archFits"},
		"bootMode":       {query: selection.Query{BootMode: image.UEFI}, not: func(i *image.Image) { i.BootMode = "" }, code: "bootModeDiffers", yes: "bootModeFits"},
		"bootMode both":  {query: selection.Query{BootMode: image.BIOS}, fits: func(i *image.Image) { i.BootMode = image.UEFIPreferred }, not: func(*image.Image) {}, code: "bootModeDiffers", yes: "bootModeFits"},
		"tag":            {query: selection.Query{Tags: map[string]string{"team": "web"}}, not: func(i *image.Image) { i.Tags = image.Tags{"team": "db"} }, code: "tagsDiffer", yes: "tagsFit"},
		"tag key":        {query: selection.Query{Tags: map[string]string{"team": ""}}, not: func(i *image.Image) { i.Tags = nil }, code: "tagsDiffer", yes: "tagsFit"},
		"software name":  {query: selection.Query{Software: "PHP"}, fits: func(i *image.Image) { i.Name = "php7.4" }, not: func(i *image.Image) { i.Name = "phpize" }, code: "softwareMissing", yes: "softwareFound"},
		"software tag":   {query: selection.Query{Software: "nginx"}, fits: func(i *image.Image) { i.Tags = image.Tags{"software:nginx": "1.24"} }, not: func(i *image.Image) { i.Tags = image.Tags{"softwares": "nginx"} }, code: "softwareMissing", yes: "softwareFound"},
		"software tags":  {query: selection.Query{Software: "redis"}, fits: func(i *image.Image) { i.Tags = image.Tags{"software": "nginx,redis"} }, not: func(i *image.Image) { i.Tags = image.Tags{"software": "redisson"} }, code: "softwareMissing", yes: "softwareFound"},
		"provider isv":   {query: selection.Query{Provider: selection.ISV}, fits: func(i *image.Image) { i.ProductCode = "cmjj1" }, not: func(*image.Image) {}, code: "providerDiffers", yes: "providerFits"},
		"dataDisks":      {query: selection.Query{DataDisks: selection.WithDataDisks}, fits: func(i *image.Image) { i.Disks = append(i.Disks, image.DiskMapping{}) }, not: func(*image.Image) {}, code: "dataDisksDiffer", yes: "dataDisksFit"},
		"licence":        {query: selection.Query{Licence: selection.Free}, not: func(i *image.Image) { i.Platform, i.OSName = "Others Linux", "" }, code: "licenceDiffers", yes: "licenceFits"},
		"deprecated":     {not: func(i *image.Image) { i.Status = image.StatusDeprecated }, code: "deprecated"},
		"creating":       {not: func(i *image.Image) { i.Status = image.StatusCreating }, code: "creating"},
		"waiting":        {not: func(i *image.Image) { i.Status = image.StatusWaiting }, code: "creating"},
		"failed":         {not: func(i *image.Image) { i.Status = image.StatusCreateFailed }, code: "failed"},
		"unavailable":    {not: func(i *image.Image) { i.Status = image.StatusUnavailable }, code: "unavailable"},
		"status unknown": {not: func(i *image.Image) { i.Status = "Archived" }, code: "statusUnknown"},
		"status asked":   {query: selection.Query{Statuses: []image.Status{"Deprecated"}}, fits: func(i *image.Image) { i.Status = image.StatusDeprecated }, not: func(*image.Image) {}, code: "available"},
		"not usable":     {not: func(i *image.Image) { i.Usable = image.No }, code: "notUsable"},
		"usable unsaid":  {not: func(i *image.Image) { i.Usable = image.Unknown }, code: "usableUnknown"},
		"usable public":  {fits: func(i *image.Image) { i.Kind, i.Usable = image.KindPublic, image.Unknown }, not: func(i *image.Image) { i.Kind, i.Usable = image.KindPublic, image.No }, code: "notUsable"},
		"unusable asked": {query: selection.Query{Statuses: image.Statuses()}, fits: func(i *image.Image) { i.Usable = image.No }, not: func(i *image.Image) { i.Status = "Archived" }, code: "statusUnknown"},
		"usage":          {query: selection.Query{Usage: image.UsageInstance}, fits: func(i *image.Image) { i.Usage = image.UsageInstance }, not: func(*image.Image) {}, code: "usageDiffers", yes: "usageFits"},
		"encrypted":      {query: selection.Query{Encrypted: image.Yes}, fits: func(i *image.Image) { i.Disks[0].Encrypted = image.Yes }, not: func(*image.Image) {}, code: "encryptionDiffers", yes: "encryptionFits"},
		"not encrypted":  {query: selection.Query{Encrypted: image.No}, not: func(i *image.Image) { i.Disks[0].Encrypted = image.Unknown }, code: "encryptionUnknown", yes: "encryptionFits"},
		"createdAfter":   {query: selection.Query{CreatedAfter: day(10)}, not: func(i *image.Image) { i.CreatedAt = day(9) }, code: "tooOld", yes: "newEnough"},
		"createdBefore":  {query: selection.Query{CreatedBefore: day(11)}, not: func(i *image.Image) { i.CreatedAt = day(11) }, code: "tooNew", yes: "oldEnough"},
	}
}

func TestVerdictsOfEveryParameter(t *testing.T) {
	t.Parallel()
	for name, c := range judgements() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fits := custom("m-fits")
			if c.fits != nil {
				c.fits(&fits)
			}
			not := custom("m-not")
			c.not(&not)
			q := c.query
			q.Explain = true
			got := decide(t, q, nil, fits, not)
			if ids(got.Page) != "m-fits" || got.PassedOver.Count != 1 {
				t.Fatalf("fit: %q, passed over: %d", ids(got.Page), got.PassedOver.Count)
			}
			if why := codes(got.PassedOver.Examples[0].Why); !slices.Contains(words(why), c.code) {
				t.Errorf("objections %q, want %s", why, c.code)
			}
			if why := codes(got.Page[0].Why); c.yes != "" && !slices.Contains(words(why), c.yes) {
				t.Errorf("reasons %q, want %s", why, c.yes)
			}
		})
	}
}

func TestInstanceTypes(t *testing.T) {
	t.Parallel()
	change := func(f func(*image.Image)) image.Image { return custom("m-1", f) }
	for name, c := range map[string]struct {
		image image.Image
		kind  image.InstanceTypeID
		want  string // the objection; empty: it fits
	}{
		"fits":                        {custom("m-1"), "ecs.g7.large", ""},
		"other architecture":          {custom("m-1"), "ecs.g8y.large", "instanceTypeArch"},
		"32 bit on 64 bit":            {change(func(i *image.Image) { i.Architecture, i.BootMode = image.I386, image.BIOS }), "ecs.g7.large", ""},
		"boots by BIOS only":          {change(func(i *image.Image) { i.BootMode = image.BIOS }), "ecs.g8i.large", "instanceTypeBootMode"},
		"boots both ways":             {change(func(i *image.Image) { i.BootMode = image.UEFIPreferred }), "ecs.g8i.large", ""},
		"boot mode unsaid":            {change(func(i *image.Image) { i.BootMode = "" }), "ecs.g8i.large", ""},
		"no NVMe driver":              {change(func(i *image.Image) { i.NVMe = "unsupported" }), "ecs.g8i.large", "instanceTypeNVMe"},
		"no NVMe driver, none needed": {change(func(i *image.Image) { i.NVMe = "unsupported" }), "ecs.g7.large", ""},
		"refused by ECS":              {custom("m-refused"), "ecs.g7.large", "instanceTypeRefused"},
	} {
		for _, explain := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " explain=", explain), func(t *testing.T) {
				t.Parallel()
				where, cloud := scope(c.image)
				cloud.refuses = map[image.ID]bool{"m-refused": true}
				got, err := find(context.Background(), where, selection.Query{InstanceType: c.kind, Explain: explain})
				if err != nil {
					t.Fatal(err)
				}
				if fits := len(got.Page) == 1; fits != (c.want == "") {
					t.Errorf("fits: %v, want objection %q", fits, c.want)
				}
				if explain && c.want != "" && codes(got.PassedOver.Examples[0].Why) != c.want {
					t.Errorf("objections %q, want %s", codes(got.PassedOver.Examples[0].Why), c.want)
				}
			})
		}
	}
}

// decide completes q and decides about images that were all seen by us.
func decide(t *testing.T, q selection.Query, types selection.Types, images ...image.Image) selection.List {
	t.Helper()
	q, err := q.Complete()
	if err != nil {
		t.Fatal(err)
	}
	list, err := selection.Decide(q, selection.Observed{
		Glimpses: []selection.Glimpse{{Account: ours, Region: "cn-hangzhou", Images: images}}, Types: types, Read: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestGoldenExplanation(t *testing.T) {
	t.Parallel()
	got := decide(t, selection.Query{Families: []image.Family{"web-base"}, Architecture: image.X86_64, Explain: true}, nil,
		custom("m-7", func(i *image.Image) { i.CreatedAt, i.Status = day(17), image.StatusDeprecated }),
		custom("m-6", func(i *image.Image) { i.CreatedAt, i.Architecture = day(16), image.ARM64 }),
		custom("m-5", func(i *image.Image) { i.CreatedAt, i.Usable = day(15), image.Unknown }),
		custom("m-4", func(i *image.Image) { i.CreatedAt = day(14) }),
		custom("m-3", func(i *image.Image) { i.CreatedAt = day(13) }),
		custom("m-2", func(i *image.Image) { i.CreatedAt, i.Status, i.Architecture = day(12), image.StatusCreateFailed, "" }),
		custom("m-1", func(i *image.Image) { i.CreatedAt, i.Family = day(11), "db-base" }),
	)
	type line struct {
		ID  image.ID
		Why []image.Reason
	}
	var page, over []line
	for _, c := range got.Page {
		page = append(page, line{c.ID, c.Why})
	}
	for _, c := range got.PassedOver.Examples {
		over = append(over, line{c.ID, c.Why})
	}
	text, err := json.MarshalIndent(map[string]any{"page": page, "examples": over, "reasons": got.PassedOver.Reasons, "total": got.Total}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "newest of a family, what was passed over.json", string(text)+"\n")
}

// Verdicts partition the input, shuffling it changes nothing, and explaining
// changes nothing about what is found.
func TestVerdictsPartitionTheInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		images := rapid.SliceOfDistinct(anImage(), func(i image.Image) image.ID { return i.ID }).Draw(t, "images")
		q := aQuery().Draw(t, "query")
		q.Explain, q.Limit = true, selection.MaxLimit
		q, err := q.Complete()
		if err != nil {
			t.Fatal(err)
		}
		see := func(images []image.Image, q selection.Query) selection.List {
			list, err := selection.Decide(q, selection.Observed{Glimpses: []selection.Glimpse{{Account: ours, Images: images, Bootable: true}}, Read: 1})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		list := see(images, q)
		if len(list.Page)+list.PassedOver.Count != len(images) || list.Total != len(list.Page) {
			t.Fatalf("%d fit, %d passed over, of %d", len(list.Page), list.PassedOver.Count, len(images))
		}
		for _, c := range list.PassedOver.Examples {
			if len(c.Why) == 0 {
				t.Fatalf("%s was passed over without a reason", c.ID)
			}
		}
		again := see(rapid.Permutation(images).Draw(t, "shuffled"), q)
		q.Explain = false
		if brief := see(images, q); ids(list.Page) != ids(again.Page) || ids(list.Page) != ids(brief.Page) {
			t.Fatalf("got %q, shuffled %q, unexplained %q", ids(list.Page), ids(again.Page), ids(brief.Page))
		}
	})
}
