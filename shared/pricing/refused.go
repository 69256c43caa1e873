package pricing

import "imagekeeper/shared/image"

// runFindings: an image that does not run on the type costs nothing there, and
// no sum of lines means anything.
func (b *builder) runFindings() {
	if r := b.q.Observed.Refusal; r != nil && doesNotRun(r.Code) {
		b.find(true, "doesNotRunOnType", "the image does not run on this instance type, says DescribePrice ("+r.Code+")")
	}
}

// doesNotRun tells the codes by which DescribePrice says so.
func doesNotRun(code string) bool {
	switch code {
	case "ImageNotSupportInstanceType", "InvalidInstanceType.NotSupported", "InvalidParameter.Conflict":
		return true
	}
	return false
}

// copyFindings are why ECS does not copy an image. Source: CopyImage, its codes
// OperationDenied.CommunityImage, OperationDenied.SameRegionOnly and
// IncorrectDestinationRegion.
func (b *builder) copyFindings() {
	i, within := b.q.Image, b.q.Task.To == b.q.Image.Region
	switch {
	case i.Kind == image.KindPublic || i.Kind == image.KindMarketplace:
		b.find(true, "notCopied", "custom and shared images are copied, and this is a "+string(i.Kind)+" image")
	case i.Kind == image.KindCommunity || i.Published:
		b.find(true, "communityNotCopied", "a community image is not copied")
	case i.Kind == image.KindShared && !within:
		b.find(true, "sharedCopiedWithinRegion", "whom an image is shared with can copy it within its region only")
	case i.Kind == image.KindCustom && within && !b.q.Task.Encrypt:
		b.find(true, "copiedToItsRegion", "within its region an image of one's own is copied only to encrypt it")
	}
}

// snapshotsOfOthers: the snapshots behind an image can be copied by its owner only.
func (b *builder) snapshotsOfOthers() bool {
	if b.q.Image.Kind == image.KindCustom {
		return false
	}
	b.find(true, "snapshotsOfOthers", "the snapshots of a "+string(b.q.Image.Kind)+" image are its owner's to copy")
	return true
}

// exportFindings are why ECS does not export an image. Source: ExportImage, its
// codes InvalidImageCategory.NotSupported and ImageNotSupported.
func (b *builder) exportFindings() {
	i := b.q.Image
	if i.Kind != image.KindCustom || i.Published {
		kind := string(i.Kind)
		if i.Published {
			kind = string(image.KindCommunity)
		}
		b.find(true, "notExported", "custom images are exported, and this is a "+kind+" image")
	}
	if i.Encrypted() == image.Yes {
		b.find(true, "encryptedNotExported", "an image with encrypted snapshots cannot be exported")
	}
	if b.ruling.Marketplace {
		b.find(true, "marketplaceNotExported", "images that come from a Marketplace image cannot be exported (documentation of 2021)")
	}
	if i.OSType == image.Windows || b.ruling.Product == WindowsServer {
		b.find(true, "windowsNotExported", "Windows images cannot be exported (documentation of 2021)")
	}
}
