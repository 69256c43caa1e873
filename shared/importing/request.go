package importing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// ReservedTag begins the tags that only this product sets.
const ReservedTag = "imagekeeper:"

// nameable: an image may be called so, by the stricter of ECS's texts; source:
// CreateImage, ImportImage ImageName.
func nameable(name string) bool {
	for n, r := range name {
		if !unicode.IsLetter(r) && (n == 0 || !strings.ContainsRune("0123456789_.:-", r)) {
			return false
		}
	}
	return name != ""
}

// Validate returns the first thing in a wish that cannot be right, whatever the
// world is like, as fault.Invalid with its field.
func (w Wish) Validate() error {
	for _, check := range []func() error{w.oneSource, w.buckets, w.target, w.family, w.licence, w.tags, w.released} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (w Wish) oneSource() error {
	n := 0
	for _, given := range []bool{w.Source.Object != nil, w.Source.Instance != nil, w.Source.Snapshots != nil, w.Source.Image != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		return fault.InField("source", "oneSource", "must have exactly one of object, instance, snapshots and image")
	}
	return nil
}

// buckets: ECS reads all files of an image from one.
func (w Wish) buckets() error {
	if w.Source.Object == nil {
		return nil
	}
	for n, d := range w.Source.Object.DataDisks {
		if d.Bucket != "" && d.Bucket != w.Source.Object.Bucket {
			return fault.InField(fmt.Sprintf("source.object.dataDisks[%d].bucket", n), "otherBucket", "must be %s, as source.object.bucket is, or be left out", w.Source.Object.Bucket)
		}
	}
	return nil
}

func (w Wish) target() error {
	lower := strings.ToLower(w.Image.Name)
	switch {
	case !nameable(w.Image.Name), strings.HasPrefix(lower, "aliyun"), strings.HasPrefix(lower, "acs:"), strings.HasPrefix(lower, unverified):
		return fault.InField("image.name", "invalidName", "must begin with a letter, have only letters, digits and . : _ -, and not begin with aliyun, acs: or unverified-")
	case strings.HasPrefix(w.Image.Description, "http://"), strings.HasPrefix(w.Image.Description, "https://"):
		return fault.InField("image.description", "invalidDescription", "must not begin with http:// or https://")
	case w.Source.Object == nil && w.Image.DiskSizeGiB != 0:
		return fault.InField("image.diskSizeGiB", "noEffect", "counts for imports of objects only: the disks of other sources keep their sizes")
	}
	return w.inherited()
}

// inherited fails for what the image has of its source, and is asked for.
func (w Wish) inherited() error {
	if w.Source.Image == nil && w.Source.Instance == nil {
		return nil
	}
	for _, f := range []struct{ name, given string }{
		{"osType", string(w.Image.OSType)}, {"platform", w.Image.Platform}, {"arch", string(w.Image.Architecture)}, {"bootMode", string(w.Image.BootMode)},
	} {
		if f.given != "" {
			return fault.InField("image."+f.name, "noEffect", "is left out: a copy, or an image of an instance, has that of its source")
		}
	}
	return nil
}

// family is refused here and not when the image has passed, hours later.
func (w Wish) family() error {
	const field = "image.family"
	lower := strings.ToLower(string(w.Image.Family))
	switch {
	case lower == "":
		return nil
	case strings.HasPrefix(lower, "aliyun"), strings.HasPrefix(lower, "acs:"):
		return fault.InField(field, "family", "must not begin with aliyun or acs:, which are Alibaba Cloud's")
	}
	return image.CheckShape("family", field, string(w.Image.Family))
}

func (w Wish) licence() error {
	windows := w.Image.OSType == image.Windows
	licence, field := w.Image.Licence(), "image.licenceType"
	switch {
	case w.Image.LicenceType != "" && w.Image.LicenseType != "" && w.Image.LicenceType != w.Image.LicenseType:
		return fault.InField(field, "contradiction", "is %s, and %s as licenseType", w.Image.LicenceType, w.Image.LicenseType)
	case w.Source.Object != nil && !windows && strings.Contains(strings.ToLower(w.Image.Platform), "windows"):
		return fault.InField("image.osType", "contradiction", "must be windows, as the platform is %s", w.Image.Platform)
	case w.Source.Object == nil && licence != "":
		return fault.InField(field, "noEffect", "counts for imports of objects only")
	case windows && w.Source.Object != nil && licence == "":
		return fault.InField(field, "required", "must be Aliyun or BYOL for Windows")
	case !windows && licence != "":
		return fault.InField(field, "noEffect", "is for Windows only")
	}
	return nil
}

// Licence is who licenses it, by either spelling; empty: nobody has to.
func (t Target) Licence() string { return cmp.Or(t.LicenceType, t.LicenseType) }

func (w Wish) tags() error {
	seen := map[string]bool{}
	for _, key := range w.Image.Tags.Keys() {
		lower := strings.ToLower(key)
		switch {
		case key == "" || len([]rune(key)) > 128 || len([]rune(w.Image.Tags[key])) > 128:
			return fault.InField("image.tags", "invalidTag", "keys have 1 to 128 characters, values up to 128")
		case strings.HasPrefix(lower, ReservedTag):
			return fault.InField("image.tags", "reservedTag", "tags that begin with %s are set by Imagekeeper alone", ReservedTag)
		case vendors(lower), vendors(strings.ToLower(w.Image.Tags[key])):
			return fault.InField("image.tags", "invalidTag", "keys and values do not begin with aliyun or acs:, and have no http:// or https:// in them")
		case seen[lower]:
			return fault.InField("image.tags", "invalidTag", "ECS takes two keys that differ only in case for the same")
		}
		seen[lower] = true
	}
	return nil
}

// vendors: a text in lower case that ECS takes neither as the key of a tag nor as its
// value; source: TagResources.
func vendors(text string) bool {
	return strings.HasPrefix(text, "acs:") || strings.HasPrefix(text, "aliyun") || strings.Contains(text, "http://") || strings.Contains(text, "https://")
}

func (w Wish) released() error {
	r := w.Release
	switch {
	case w.Test != nil && !w.Test.Boot:
		return fault.InField("test.boot", "noEffect", "must be true: a test boots the image; leave test out for none")
	case r == nil:
		return nil
	case len(r.Regions) == 0 && r.Share == nil && r.Channel == "":
		return fault.InField("release", "emptyValue", "must name regions, accounts or a channel; leave it out for none")
	case r.Channel != "" && w.Image.Family == "":
		return fault.InField("image.family", "required", "must be given where the image is released into a channel of its family")
	case r.Share != nil && slices.ContainsFunc(r.Share.Accounts, func(g Grantee) bool { return g.AccountID == w.Account }):
		return fault.InField("release.share.accounts", "ownAccount", "must not have the account that owns the image")
	}
	return r.Share.check()
}

// check fails for an account that is named twice.
func (s *Share) check() error {
	if s == nil {
		return nil
	}
	for n, g := range s.Accounts {
		if slices.Contains(s.Accounts[:n], g) {
			return fault.InField(fmt.Sprintf("release.share.accounts[%d].accountId", n), "duplicate", "account %s is named twice", g.AccountID)
		}
	}
	return nil
}
