package function_test

import "testing"

// What a start pays for knowing who may call.
func BenchmarkGuard(b *testing.B) {
	f := sample()
	look := from(nil)
	for b.Loop() {
		if err := f.Guard(look); err != nil {
			b.Fatal(err)
		}
	}
}
