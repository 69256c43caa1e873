package diskimage

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"imagekeeper/shared/fault"
)

// qcow2Header are the fields of a header that matter; offsets are those of
// docs/interop/qcow2.txt.
type qcow2Header struct {
	version               uint32
	backing               uint64
	clusterBits           uint32
	size                  uint64
	crypt                 uint32
	l1Size                uint32
	l1Offset              uint64
	refcountOffset        uint64
	refcountClusters      uint32
	snapshots             uint32
	snapshotsOffset       uint64
	incompatible          uint64
	refcountOrder, length uint32
	compression           byte
}

func (h qcow2Header) cluster() uint64 { return 1 << h.clusterBits }

// The incompatible features.
const (
	featureDirty = 1 << iota
	featureCorrupt
	featureExternalData
	featureCompression
	featureExtendedL2
	featuresKnown = featureDirty | featureCorrupt | featureExternalData | featureCompression | featureExtendedL2
)

const (
	v2Length = 72
	v3Length = 104
	// shortestSnapshot is what an entry of the table of snapshots has at the least.
	shortestSnapshot = 40
)

// qcow2 checks a QCOW2 file of version 2 or 3.
func (in *inspection) qcow2() error {
	if len(in.head) < v2Length {
		return errOutside
	}
	h, ok := parseQCOW2(in.head)
	switch {
	case h.version != 2 && h.version != 3:
		remedy := in.convert("qcow")
		if h.version != 1 {
			remedy = "convert it to version 3 with the program that wrote it"
		}
		in.fatal("unsupportedVersion", fmt.Sprintf("QCOW version %d; ECS imports 2 and 3", h.version), remedy)
		return nil
	case !ok:
		in.impossible("the header has not the length, or not the reference counts, that its version has")
		return nil
	case h.clusterBits < 9 || h.clusterBits > 21:
		in.impossible(fmt.Sprintf("clusters of 2^%d bytes; 2^9 to 2^21 are possible", h.clusterBits))
		return nil
	case uint64(h.length) > h.cluster():
		in.impossible(fmt.Sprintf("a header of %d bytes; it ends within the first cluster", h.length))
		return nil
	case h.size == 0:
		in.fatal("zeroSize", "the disk inside has no size", "make the image again")
		return nil
	case h.size > 1<<62:
		in.impossible("the disk inside is larger than any disk")
		return nil
	}
	in.Bytes = int64(h.size)
	in.qcow2Features(h)
	if err := in.qcow2Extensions(h); err != nil {
		return err
	}
	if _, fatal := in.Fatal(); fatal || !in.qcow2Tables(h) {
		return nil
	}
	return in.qcow2Guest(h)
}

func parseQCOW2(b []byte) (h qcow2Header, ok bool) {
	be := binary.BigEndian
	h = qcow2Header{
		version: be.Uint32(b[4:]), backing: be.Uint64(b[8:]), clusterBits: be.Uint32(b[20:]), size: be.Uint64(b[24:]),
		crypt: be.Uint32(b[32:]), l1Size: be.Uint32(b[36:]), l1Offset: be.Uint64(b[40:]), refcountOffset: be.Uint64(b[48:]),
		refcountClusters: be.Uint32(b[56:]), snapshots: be.Uint32(b[60:]), snapshotsOffset: be.Uint64(b[64:]),
		length: v2Length, refcountOrder: 4,
	}
	if h.version != 3 {
		return h, true
	}
	if len(b) < v3Length {
		return h, false
	}
	h.incompatible, h.refcountOrder, h.length = be.Uint64(b[72:]), be.Uint32(b[96:]), be.Uint32(b[100:])
	if h.length > v3Length && len(b) > v3Length {
		h.compression = b[v3Length]
	}
	return h, h.length >= v3Length && h.length%8 == 0 && h.refcountOrder <= 6
}

// qcow2Features judges what the header says that readers must know.
func (in *inspection) qcow2Features(h qcow2Header) {
	if h.backing != 0 {
		in.fatal("backingFile", "only the difference to another file is in it (backing file)", in.convert("qcow2"))
	}
	if h.crypt != 0 {
		in.fatal("encrypted", "the disk inside is encrypted", in.convert("qcow2")+" # with the secret of the image")
	}
	if h.incompatible&featureDirty != 0 {
		in.fatal("notClosed", "the file was not closed: its reference counts may be wrong", "qemu-img check -r all "+quoted(in.name))
	}
	if h.incompatible&featureCorrupt != 0 {
		in.fatal("corrupt", "the file is marked as corrupt", "qemu-img check -r all "+quoted(in.name))
	}
	if h.incompatible&featureExternalData != 0 {
		in.fatal("externalDataFile", "the content is in another file (external data file)", in.convert("qcow2"))
	}
	if h.incompatible&^featuresKnown != 0 {
		in.fatal("unknownFeature", fmt.Sprintf("it needs features that are not known: %#x", h.incompatible&^featuresKnown), in.convert("qcow2"))
	}
	if h.incompatible&featureCompression == 0 && h.compression != 0 || h.compression > 1 {
		in.fatal("unknownFeature", fmt.Sprintf("its clusters are compressed in a way that is not known: %d", h.compression), in.convert("qcow2"))
	} else if h.compression != 0 {
		in.warn("zstdClusters", "its clusters are compressed by zstd; whether ECS reads them is not documented", in.convert("qcow2"))
	}
	if h.incompatible&featureExtendedL2 != 0 {
		in.warn("extendedTables", "it has extended L2 entries; whether ECS reads them is not documented", in.convert("qcow2"))
	}
	if h.snapshots > 0 {
		in.warn("internalSnapshots", fmt.Sprintf("its %d internal snapshots are not imported: the disk as it is now is", h.snapshots), "")
	}
}

// The header extensions that move the content elsewhere.
const (
	extensionEnd          = 0
	extensionEncryption   = 0x0537be77
	extensionExternalData = 0x44415441
)

// qcow2Extensions walks the extensions behind the header, within the head.
func (in *inspection) qcow2Extensions(h qcow2Header) error {
	rest := in.head
	if uint64(len(rest)) > h.cluster() {
		rest = rest[:h.cluster()]
	}
	if h.backing != 0 && h.backing < uint64(len(rest)) {
		rest = rest[:h.backing]
	}
	if int(h.length) > len(rest) {
		return nil
	}
	for rest = rest[h.length:]; len(rest) >= 8; {
		kind, length := binary.BigEndian.Uint32(rest), uint64(binary.BigEndian.Uint32(rest[4:]))
		switch {
		case kind == extensionEnd:
			return nil
		case length > uint64(len(rest)-8):
			in.impossible("a header extension is longer than the header's cluster")
			return nil
		case kind == extensionEncryption && h.crypt == 0:
			in.fatal("encrypted", "the disk inside is encrypted", in.convert("qcow2")+" # with the secret of the image")
		case kind == extensionExternalData && h.incompatible&featureExternalData == 0:
			in.fatal("externalDataFile", "the content is in another file (external data file)", in.convert("qcow2"))
		}
		skip := 8 + (length+7)/8*8
		rest = rest[min(skip, uint64(len(rest))):]
	}
	return nil
}

// qcow2Tables reports whether the tables can be where the header has them.
func (in *inspection) qcow2Tables(h qcow2Header) bool {
	cluster, size := h.cluster(), uint64(in.file.size)
	perL2 := cluster / h.entry()
	span := cluster * perL2 // bytes of the disk for each entry of the L1 table
	need := h.size/span + min(h.size%span, 1)
	inside := func(offset, length uint64) bool { return offset <= size && length <= size-offset }
	switch {
	case h.l1Offset%cluster != 0 || h.refcountOffset%cluster != 0:
		in.impossible("a table does not begin where a cluster does")
	case h.l1Offset == 0 || h.refcountOffset == 0 || h.refcountClusters == 0:
		in.impossible("a table is missing")
	case uint64(h.l1Size) < need:
		in.impossible(fmt.Sprintf("the L1 table has %d entries; the size of the disk needs %d", h.l1Size, need))
	case h.snapshots > 0 && (h.snapshotsOffset == 0 || h.snapshotsOffset%cluster != 0):
		in.impossible("the table of snapshots does not begin where a cluster does")
	case !inside(h.l1Offset, 8*uint64(h.l1Size)), !inside(h.refcountOffset, uint64(h.refcountClusters)*cluster),
		h.snapshots > 0 && !inside(h.snapshotsOffset, shortestSnapshot*uint64(h.snapshots)):
		in.fatal("truncated", "the file ends before its own tables", "upload the whole file again and compare its checksum")
	default:
		return true
	}
	return false
}

// entry is the size of an entry of an L2 table.
func (h qcow2Header) entry() uint64 {
	if h.incompatible&featureExtendedL2 != 0 {
		return 16
	}
	return 8
}

const (
	offsetMask   = 0x00fffffffffffe00
	copied       = 1 << 63
	compressed   = 1 << 62
	allZero      = 1
	mostTable    = 64 << 10
	tablesLooked = 6
)

// qcow2Guest checks that tables and clusters lie in the file, those that lie
// last first, and reads the partitions of the disk inside.
func (in *inspection) qcow2Guest(h qcow2Header) error {
	l1, err := in.table(h.l1Offset, min(8*uint64(h.l1Size), mostTable))
	if err != nil {
		return err
	}
	tables := make([]uint64, 0, len(l1))
	for _, e := range l1 {
		offset := e & offsetMask
		if offset%h.cluster() != 0 {
			in.impossible("an L2 table does not begin where a cluster does")
			return nil
		}
		if offset >= uint64(in.file.size) {
			return errOutside
		}
		if offset != 0 {
			tables = append(tables, offset)
		}
	}
	slices.SortFunc(tables, func(a, b uint64) int { return compare(b, a) })
	for _, offset := range tables[:min(len(tables), tablesLooked)] {
		if _, err := in.clusters(h, offset); err != nil {
			return err
		}
	}
	if len(l1) == 0 || l1[0]&offsetMask == 0 {
		in.partitions(zeroes{})
		return nil
	}
	first, err := in.clusters(h, l1[0]&offsetMask)
	if err != nil {
		return err
	}
	in.partitions(qcow2Guest{in, h, first})
	return nil
}

// errMisplaced: an entry names a place where no cluster begins. It never leaves the
// package.
var errMisplaced = fault.New(fault.Invalid, "not at a cluster")

// clusters reads the beginning of an L2 table. It fails with errOutside where
// an entry names what the file does not have, and with errMisplaced.
func (in *inspection) clusters(h qcow2Header, offset uint64) ([]uint64, error) {
	length := min(h.cluster(), mostTable, uint64(in.file.size)-offset)
	if length < min(h.cluster(), mostTable) {
		return nil, errOutside
	}
	entries, err := in.table(offset, length)
	if err != nil {
		return nil, err
	}
	if h.entry() == 16 {
		for n := range len(entries) / 2 {
			entries[n] = entries[2*n]
		}
		entries = entries[:len(entries)/2]
	}
	for _, e := range entries {
		at := e & offsetMask
		if e&compressed != 0 {
			at = e & (1<<(62-(h.clusterBits-8)) - 1)
		} else if at%h.cluster() != 0 {
			return nil, errMisplaced
		}
		if at >= uint64(in.file.size) {
			return nil, errOutside
		}
	}
	return entries, nil
}

func (in *inspection) table(offset, length uint64) ([]uint64, error) {
	b, err := in.file.read(int64(offset), int64(length))
	if err != nil {
		return nil, err
	}
	entries := make([]uint64, len(b)/8)
	for n := range entries {
		entries[n] = binary.BigEndian.Uint64(b[8*n:])
	}
	return entries, nil
}

// qcow2Guest reads the disk inside, as far as the first table reaches.
type qcow2Guest struct {
	in    *inspection
	h     qcow2Header
	table []uint64
}

// at reads a part of the disk. ok is false where it cannot be told within what may
// be read.
func (g qcow2Guest) at(offset, n int64) (b []byte, ok bool) {
	var out bytes.Buffer
	for n > 0 {
		cluster := int64(g.h.cluster())
		part := min(n, cluster-offset%cluster)
		i := offset / cluster
		if i >= int64(len(g.table)) {
			return nil, false
		}
		e := g.table[i]
		switch {
		case g.h.entry() == 16:
			return nil, false
		case e&compressed != 0:
			whole, ok := g.inflated(e)
			if !ok {
				return nil, false
			}
			out.Write(whole[offset%cluster:][:part])
		case e&offsetMask == 0 || e&allZero != 0:
			out.Write(make([]byte, part))
		default:
			read, err := g.in.file.read(int64(e&offsetMask)+offset%cluster, part)
			if err != nil {
				return nil, false
			}
			out.Write(read)
		}
		offset, n = offset+part, n-part
	}
	return out.Bytes(), true
}

// inflated is a compressed cluster, unpacked.
func (g qcow2Guest) inflated(e uint64) ([]byte, bool) {
	if g.h.compression != 0 {
		return nil, false
	}
	bits := 62 - (g.h.clusterBits - 8)
	at, sectors := int64(e&(1<<bits-1)), int64(e&^uint64(compressed|copied)>>bits)
	length := min((sectors+1)*sector-at%sector, g.in.file.size-at)
	packed, err := g.in.file.read(at, length)
	if err != nil {
		return nil, false
	}
	whole := make([]byte, g.h.cluster())
	_, err = io.ReadFull(flate.NewReader(bytes.NewReader(packed)), whole)
	return whole, err == nil
}

// convert is the command that makes a plain image of this one.
func (in *inspection) convert(from string) string {
	return fmt.Sprintf("qemu-img convert -f %s -O qcow2 %s converted.qcow2", from, quoted(in.name))
}

func (in *inspection) impossible(what string) {
	in.fatal("impossibleTables", what, "upload the file again and compare its checksum; qemu-img check tells whether it is sound")
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
