// Package diskimage tells what an object of bytes is as a disk image: its format
// by magic bytes and never by its name, the size of the disk inside, how it can
// boot, and what would keep ECS from importing it. It reads a megabyte at most,
// never follows a path that a file names, and takes every length for a claim.
// Sources: the QCOW2 and VHD specifications, UEFI's partition table, and the
// vendor's page "ImportImage".
package diskimage

import (
	"context"
	"errors"
	"fmt"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Object is what is looked at.
type Object interface {
	// ReadAt returns exactly length bytes from offset on, or fails with a kind of
	// package fault.
	ReadAt(ctx context.Context, offset, length int64) ([]byte, error)
}

// Format is a format of disk images, as ImportImage writes it where it takes it.
type Format string

// The formats. ECS imports the first three as they are.
const (
	RAW   Format = "RAW"
	QCOW2 Format = "QCOW2"
	VHD   Format = "VHD"
	VMDK  Format = "VMDK"
	VHDX  Format = "VHDX"
	VDI   Format = "VDI"
	ISO   Format = "ISO"
	// DMG, QED and Parallels are those of other virtual machines.
	DMG       Format = "DMG"
	QED       Format = "QED"
	Parallels Format = "Parallels"
	// Packed is a compressed file or an archive: no disk image by itself.
	Packed Format = "packed"
)

// Partitions is the kind of partition table of a disk.
type Partitions string

// The kinds of partition tables; the empty one could not be read.
const (
	NoPartitions Partitions = "none"
	MBR          Partitions = "MBR"
	GPT          Partitions = "GPT"
)

// Disk is what was found out.
type Disk struct {
	Format Format
	// Bytes is the size of the disk inside, 0 if it is not known.
	Bytes      int64
	Partitions Partitions
	// BIOS and UEFI tell whether the partitions hold what each needs to boot.
	BIOS, UEFI image.Tri
	// Findings are in the order in which they were made.
	Findings []image.Finding
	// Read is how many bytes were read.
	Read int64
}

// Fatal returns the first finding that keeps the object from being imported.
func (d Disk) Fatal() (image.Finding, bool) {
	for _, f := range d.Findings {
		if f.Level == image.Fatal {
			return f, true
		}
	}
	return image.Finding{}, false
}

// GiB is the smallest system disk that holds the disk inside.
func (d Disk) GiB() int {
	const gib = 1 << 30
	return int(d.Bytes/gib + min(d.Bytes%gib, 1))
}

// The limits of what is read.
const (
	// MostRead is how many bytes of an object are read at the most.
	MostRead = 1 << 20
	headSize = 64 << 10
	tailSize = 1 << 10
	sector   = 512
	// MostGiB is the largest disk that ImportImage takes (DiskImageSize).
	MostGiB = 2048
)

// Inspect looks at an object of size bytes; name is for the remedies only. What
// is wrong with the object is among the findings: Inspect fails, with the kind of
// the failure, only where the object could not be read.
func Inspect(ctx context.Context, object Object, size int64, name string) (Disk, error) {
	in := &inspection{file: file{ctx: ctx, object: object, size: size, left: MostRead}, name: name}
	err := in.look()
	in.Read = MostRead - in.file.left
	switch {
	case errors.Is(err, errMisplaced):
		in.impossible("a cluster of the disk does not begin where clusters do")
		err = nil
	case errors.Is(err, errOutside):
		in.fatal("truncated", "the file ends before what its own tables name", "upload the whole file again and compare its checksum")
		err = nil
	}
	return in.Disk, err
}

// inspection is one look at an object.
type inspection struct {
	Disk
	file file
	name string
	head []byte
	tail []byte
}

func (in *inspection) look() error {
	if in.file.size == 0 {
		in.fatal("empty", "the object has no bytes", "upload the file again")
		return nil
	}
	var err error
	if in.head, err = in.file.read(0, min(headSize, in.file.size)); err != nil {
		return err
	}
	from := max(0, in.file.size-tailSize)
	if in.tail, err = in.file.read(from, in.file.size-from); err != nil {
		return err
	}
	in.Format = formatOf(in.head, in.tail)
	look := map[Format]func() error{QCOW2: in.qcow2, VHD: in.vhd, RAW: in.raw}[in.Format]
	if look == nil {
		in.refuse()
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	if in.Bytes > MostGiB<<30 {
		in.fatal("diskTooLarge", fmt.Sprintf("the disk inside has %d GiB; ECS imports up to %d", in.GiB(), MostGiB), "shrink the file system and the partition, then the image: qemu-img resize --shrink")
	}
	return nil
}

func (in *inspection) fatal(code, sentence, remedy string) {
	in.add(image.Fatal, code, sentence, remedy)
}

func (in *inspection) warn(code, sentence, remedy string) {
	in.add(image.Warning, code, sentence, remedy)
}

func (in *inspection) add(level image.Level, code, sentence, remedy string) {
	in.Findings = append(in.Findings, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: sentence}, Remedy: remedy})
}

// errOutside: bytes were wanted that the object does not have. It never leaves
// the package.
var errOutside = fault.New(fault.Invalid, "outside of the object")

// file reads an object within a budget.
type file struct {
	ctx    context.Context
	object Object
	size   int64
	left   int64
}

// read returns exactly n bytes. It fails with errOutside where the object has
// not that many, and with fault.Exhausted beyond the budget.
func (f *file) read(offset, n int64) ([]byte, error) {
	switch {
	case offset < 0 || n < 0 || offset > f.size || n > f.size-offset:
		return nil, errOutside
	case n > f.left:
		return nil, fault.New(fault.Exhausted, "more than %d bytes would have to be read to tell what the object is", MostRead)
	case n == 0:
		return nil, nil
	}
	f.left -= n
	b, err := f.object.ReadAt(f.ctx, offset, n)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != n {
		return nil, fault.New(fault.Unknown, "%d bytes were asked for and %d came", n, len(b)).WithCode("shortRead")
	}
	return b, nil
}
