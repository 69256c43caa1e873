package selection_test

import (
	"fmt"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

func ExampleDecide() {
	query, err := selection.Query{Families: []image.Family{"web-base"}, Architecture: image.X86_64, Explain: true}.Complete()
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := selection.Decide(query, selection.Observed{Read: 1, Glimpses: []selection.Glimpse{{
		Account: ours, Region: "cn-hangzhou",
		Images: []image.Image{
			custom("m-newest", func(i *image.Image) { i.CreatedAt, i.Status = day(3), image.StatusDeprecated }),
			custom("m-newer", func(i *image.Image) { i.CreatedAt = day(2) }),
			custom("m-old", func(i *image.Image) { i.CreatedAt = day(1) }),
		},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range list.Page {
		fmt.Println(c.ID, c.Why[len(c.Why)-1].Sentence)
	}
	for _, c := range list.PassedOver.Examples {
		fmt.Println(c.ID, "not:", c.Why[0].Sentence)
	}
	// Output:
	// m-newer the newest of 2 that fit: the one to use
	// m-old the architecture is x86_64
	// m-newest not: it is deprecated: its owner wants nobody to start with it
}

func ExampleLicenceOf() {
	windows := image.Image{
		Ref:  image.Ref{Region: "cn-hongkong", ID: "win2022_64_dtc_20348_en-us_40G_alibase_20240101.vhd"},
		Kind: image.KindPublic, OSType: image.Windows, Platform: "Windows Server 2022",
	}
	class, why := selection.LicenceOf(&windows)
	fmt.Println(class, why[0].Code)
	windows.Region = "cn-hangzhou"
	class, why = selection.LicenceOf(&windows)
	fmt.Println(class, why[0].Code)
	// Output:
	// paid windowsOutside
	// free windowsMainland
}
