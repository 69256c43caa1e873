package pricing

import (
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Operation is what is done with the image.
type Operation string

// The operations that can be priced.
const (
	Create        Operation = "create"
	Copy          Operation = "copy"
	CopySnapshots Operation = "copySnapshot"
	Import        Operation = "import"
	Export        Operation = "export"
	Replace       Operation = "replace"
)

// maxDisks is how many disks an image can have: a system disk and 16 data disks.
const maxDisks = 17

// Task is what an operation needs to know beyond the image.
type Task struct {
	// To is the region that a copy goes to.
	To image.RegionID
	// Encrypt: the copy of an unencrypted image is encrypted, and so stored with
	// the full size of its disks. OwnKey: with a key of the customer's.
	Encrypt, OwnKey bool
	// First says that no snapshot of the same disk was copied there before: the
	// copy is then full, else only what changed.
	First image.Tri
	// DiskGiBs are the disks that an image is created from; empty: the image's own.
	DiskGiBs []int
	// ObjectBytes is the size of the OSS object that is imported or exported; 0 if
	// not known.
	ObjectBytes int64
	// Replaced is what the instance ran before.
	Replaced *Replaced
}

// Replaced is the system disk that a replacement gives up.
type Replaced struct {
	Image  image.Image
	Source Source
	// DiskGiB is its size; 0 if not known. NewDiskGiB is that asked for; 0: as large
	// as before, or as the new image needs.
	DiskGiB, NewDiskGiB int
}

func (q *Question) checkOperation() error {
	t := q.Task
	switch q.For {
	case "", Create, Import, Export:
	case Copy, CopySnapshots:
		if t.To == "" {
			return fault.InField("to", "destinationMissing", "is missing: a copy needs the region it goes to")
		}
	case Replace:
		if t.Replaced == nil {
			return fault.InField("replaced", "replacedMissing", "is missing: a replacement needs the image that runs now")
		}
		if err := t.Replaced.checkSizes(); err != nil {
			return err
		}
	default:
		return fault.InField("for", codeOneOf, "must be one of %s, %s, %s, %s, %s, %s", Create, Copy, CopySnapshots, Import, Export, Replace)
	}
	if t.Encrypt && t.First != image.Unknown {
		return fault.InField("firstCopy", "encryptedCopyIsFull", "does not go with encrypt: an encrypted copy is full, the first or not")
	}
	if q.New && q.For != Create && q.For != Import {
		return fault.InField("for", "nothingThere", "must be %s or %s where there is no image yet", Create, Import)
	}
	if q.New && len(t.DiskGiBs) == 0 {
		return fault.InField("diskGiBs", "disksMissing", "is missing: there is no image yet that would say how large its disks are")
	}
	return t.checkSizes()
}

func (r *Replaced) checkSizes() error {
	for _, f := range []struct {
		name string
		gib  int
	}{{"replaced.diskGiB", r.DiskGiB}, {"replaced.newDiskGiB", r.NewDiskGiB}} {
		if f.gib < 0 || f.gib > maxGiB {
			return fault.InField(f.name, "sizeOutOfRange", "must not be negative, and at most %d", maxGiB)
		}
	}
	if r.NewDiskGiB > 0 && r.NewDiskGiB < r.DiskGiB {
		return fault.InField("replaced.newDiskGiB", "smallerThanPresent", "must be at least %d, the size of the present disk: a system disk does not shrink", r.DiskGiB)
	}
	return nil
}

func (t *Task) checkSizes() error {
	if t.ObjectBytes < 0 || t.ObjectBytes > maxBytes {
		return fault.InField("objectBytes", "sizeOutOfRange", "must not be negative, nor beyond any disk")
	}
	if len(t.DiskGiBs) > maxDisks {
		return fault.InField("diskGiBs", "tooMany", "must be at most 17: an image has no more disks")
	}
	for _, gib := range t.DiskGiBs {
		if gib <= 0 || gib > maxGiB {
			return fault.InField("diskGiBs", "sizeOutOfRange", "must each be positive, and at most %d", maxGiB)
		}
	}
	return nil
}

// operation adds what the operation itself costs.
func (b *builder) operation() {
	switch b.q.For {
	case Create:
		b.newStorage("snapshotPerDisk", "one snapshot for each disk, kept with the image: at the most the size of the disks, at first only blocks in use")
	case Copy:
		b.copyImage()
	case CopySnapshots:
		b.copySnapshot()
	case Import:
		b.newStorage("snapshotPerDisk", "one snapshot for each imported disk, at the most the size of the disks")
		b.objectLines()
	case Export:
		b.exportFindings()
		b.objectLines()
	case Replace:
		b.replace()
	}
}

// newStorage is for snapshots that do not exist yet: nothing to all of the disks.
func (b *builder) newStorage(code, sentence string) {
	l := b.operationLine(SnapshotStorage, ImageOwner)
	gib, known := b.diskGiB()
	b.priceStorage(&l, Standard, b.q.Image.Region, billed{upper: gib << 30, known: known}, b.q.storageHours())
	l.because(code, sentence)
	b.add(l)
}

// diskGiB adds the sizes of the disks that an image is, or will be, made of.
func (b *builder) diskGiB() (int64, bool) {
	var sum int64
	if len(b.q.Task.DiskGiBs) > 0 {
		for _, gib := range b.q.Task.DiskGiBs {
			sum += int64(gib)
		}
		return sum, true
	}
	return imageGiB(b.q.Image)
}

// imageGiB adds the sizes of an image's disks; not known if one is missing.
func imageGiB(i image.Image) (int64, bool) {
	if len(i.Disks) == 0 {
		return int64(i.SizeGiB), i.SizeGiB > 0 && i.SizeGiB <= maxGiB
	}
	var sum int64
	for _, d := range i.Disks {
		if d.SizeGiB <= 0 || d.SizeGiB > maxGiB {
			return 0, false
		}
		sum += int64(d.SizeGiB)
	}
	return sum, true
}

// copyImage: no fee for the transfer; the snapshots in the destination stay.
func (b *builder) copyImage() {
	b.copyFindings()
	l := b.operationLine(Transfer, ImageOwner)
	b.nothing(&l, page{source: copyPage, readAt: undatedRecent})
	l.because("copyImageNoTransferFee", "copying an image has no transfer fee currently")
	b.add(l)
	for _, g := range b.chains() {
		if g.category == Archive {
			b.find(false, "archiveCannotBeCopied", "snapshots in archive storage cannot be copied; what that means for their image is not documented")
			break
		}
	}
	b.copiedStorage(b.copiedSize())
	b.keyLine()
}

func (b *builder) keyLine() {
	if !b.q.Task.OwnKey {
		return
	}
	l := b.operationLine(KeyManagement, ImageOwner)
	l.unknown("keyManagementNotPriced", "a key of the customer's is charged by Key Management Service, which is not priced here")
	b.add(l)
}

// copiedSize bounds what a copy stores and transfers: encrypted, the whole disks;
// the first of a disk, its full size; a later one at the most that.
func (b *builder) copiedSize() billed {
	if b.q.Task.Encrypt {
		gib, known := imageGiB(b.q.Image)
		return billed{lower: gib << 30, upper: gib << 30, exact: known, known: known}
	}
	var sum billed
	sum.known, sum.exact = b.q.Storage.Read && len(b.q.Storage.Snapshots) > 0, b.q.Task.First == image.Yes
	for _, g := range b.chains() {
		full, given := g.exactFull()
		if !given {
			full, given = g.fullBytes()
			sum.exact = false
		}
		sum.known = sum.known && given
		sum.upper += full
	}
	if !sum.known {
		gib, known := imageGiB(b.q.Image)
		return billed{upper: gib << 30, known: known}
	}
	return sum
}

func (b *builder) copiedStorage(size billed) {
	l := b.operationLine(SnapshotStorage, ImageOwner)
	l.Subject = string(b.q.Task.To)
	b.priceStorage(&l, Standard, b.q.Task.To, size, b.q.storageHours())
	l.because("copyStoredInDestination", "copied snapshots are kept, and charged, in the destination until they are deleted")
	switch {
	case b.q.Task.Encrypt:
		l.because("encryptedCopyIsFull", "an encrypted copy is stored with the full size of its disks")
	case size.exact:
		l.because("firstCopyIsFull", "the first copy of a disk is full; that FullSnapshotSizeInBytes is that size is inferred")
	case l.Lower != nil:
		l.because("laterCopyIsIncremental", "the first copy of a disk is full, later ones are what changed")
	}
	b.add(l)
}

// copySnapshot: a fee per GB once, and the storage in the destination.
func (b *builder) copySnapshot() {
	if b.snapshotsOfOthers() {
		return
	}
	for _, g := range b.chains() {
		if g.category == Archive {
			b.find(true, "archiveCannotBeCopied", "snapshots in archive storage cannot be copied")
			return
		}
	}
	size := b.copiedSize()
	l := b.operationLine(SnapshotCopy, ImageOwner)
	l.Subject = string(b.q.Task.To)
	rate := b.rates.lookup(want{
		item: SnapshotCopy, region: b.q.Image.Region, to: b.q.Task.To, unit: Once, currency: b.currency,
	})
	switch {
	case b.q.Task.To == b.q.Image.Region:
		b.nothing(&l, page{source: snapshotPage, readAt: pagesDate})
		l.because("sameRegion", "the copy fee is for copies to another region")
	case !size.known:
		l.unknown("sizeNotKnown", "ECS gave no size for it")
	case rate == nil:
		l.unknown("noRateForRegion", "no copy rate is known from "+string(b.q.Image.Region)+" to "+string(b.q.Task.To)+"; PRICE_RATES can give one")
		b.lack(WantedRate{Item: SnapshotCopy, Region: b.q.Image.Region, To: b.q.Task.To, Basis: PerGB, Unit: Once})
	default:
		b.bound(&l, rate, size, money.Whole(1))
	}
	b.add(l)
	b.copiedStorage(size)
	b.keyLine()
}

// objectLines: OSS charges storage, traffic and requests; none of its rates is in
// the published table.
func (b *builder) objectLines() {
	months := over(b.q.storageHours(), HoursPerMonth)
	b.objectLine(OSSStorage, Month, months)
	b.objectLine(OSSTraffic, Once, money.Whole(1))
	l := b.operationLine(OSSRequests, ImageOwner)
	l.unknown("requestsNotCounted", "how many requests the operation makes is not documented")
	b.add(l)
}

func (b *builder) objectLine(item Item, unit Unit, factor money.Ratio) {
	l := b.operationLine(item, ImageOwner)
	rate := b.rates.lookup(want{item: item, region: b.q.Image.Region, unit: unit, currency: b.currency})
	bytes := b.q.Task.ObjectBytes
	switch {
	case rate == nil:
		l.unknown("noRate", "OSS rates are not in the published table; PRICE_RATES can give one")
		b.lack(WantedRate{Item: item, Region: b.q.Image.Region, Basis: PerGB, Unit: unit})
	case bytes == 0:
		l.unknown("sizeNotKnown", "the size of the OSS object is not known")
	default:
		b.bound(&l, rate, billed{lower: bytes, upper: bytes, exact: true, known: true}, factor)
	}
	b.add(l)
}
