package layering_test

import (
	"fmt"
	"testing/fstest"

	"imagekeeper/scripts/check/layering"
	"imagekeeper/scripts/check/source"
)

func ExampleCheck() {
	tree, err := source.Read(fstest.MapFS{
		"go.mod":               {Data: []byte("module m\n")},
		"shared/pricing/a.go":  {Data: []byte("package pricing\n\nimport \"m/shared/alicloud\"\n")},
		"shared/alicloud/a.go": {Data: []byte("package alicloud\n")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, found := range layering.Check(tree, []layering.Row{
		{Over: "shared/pricing", Pure: true, Why: "a capability decides; it does not reach the cloud"},
		{Over: "shared/alicloud", Why: "the only speaker to the cloud"},
	}) {
		fmt.Println(found)
	}
	// Output:
	// shared/pricing/a.go:3: may not import "m/shared/alicloud": a capability decides; it does not reach the cloud
}
