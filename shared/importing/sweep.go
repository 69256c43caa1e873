package importing

import (
	"maps"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// Left is an instance of a boot test that an import recorded, and that may still be
// there although nobody works on that import's item any more.
type Left struct {
	Import   string
	Account  image.AccountID
	Region   image.RegionID
	Instance image.InstanceID
	// Image is the one that the test was of.
	Image image.ID
}

// LeftBy are the instances that an import may have left behind, in the order of their
// regions: those of items that have ended. What is still worked on deletes its own.
func LeftBy(w work.Work) ([]Left, error) {
	wish, err := wishOf(w)
	if err != nil {
		return nil, err
	}
	var all []Left
	for _, name := range slices.Sorted(maps.Keys(w.Items)) {
		i := w.Items[name]
		if id := i.Notes[noteInstance]; id != "" && i.Ended() && (w.State.Ended() || i.Level != LevelTested) {
			all = append(all, Left{w.ID, wish.Account, image.RegionID(name), image.InstanceID(id), image.ID(i.Notes[noteImage])})
		}
	}
	return all, nil
}

// Judge decides whether an instance that was just looked at is to be deleted: only the
// one that was recorded, with the tag of its import, and while it runs that image.
func (l Left) Judge(i image.Instance) (remove bool, why image.Reason) {
	switch {
	case i.ID != l.Instance:
		return false, image.Reason{Code: "notRecorded", Sentence: "import " + l.Import + " did not record it"}
	case i.Tags[TagTest] != l.Import:
		return false, image.Reason{Code: "notOurs", Sentence: "it does not bear the tag " + TagTest + " of import " + l.Import}
	case l.Image == "" || i.Image != l.Image:
		return false, image.Reason{Code: "otherImage", Sentence: "it no longer runs the image that was tested"}
	}
	return true, image.Reason{Code: "leftBehind", Sentence: "import " + l.Import + " has ended, and its test's instance is still there"}
}
