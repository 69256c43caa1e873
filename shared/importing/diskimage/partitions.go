package diskimage

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"imagekeeper/shared/image"
)

// guest reads the disk inside. ok is false where its bytes cannot be told.
type guest interface {
	at(offset, n int64) (b []byte, ok bool)
}

// zeroes is a disk on which nothing was written.
type zeroes struct{}

func (zeroes) at(_, n int64) ([]byte, bool) { return make([]byte, n), true }

// plain is a disk that stands in the file as it is.
type plain struct {
	in   *inspection
	size int64
}

func (p plain) at(offset, n int64) ([]byte, bool) {
	if offset+n > p.size {
		return nil, false
	}
	if offset+n <= int64(len(p.in.head)) {
		return p.in.head[offset : offset+n], true
	}
	b, err := p.in.file.read(offset, n)
	return b, err == nil
}

// raw checks a disk without any frame.
func (in *inspection) raw() error {
	in.Bytes = in.file.size
	if in.file.size%sector != 0 {
		in.fatal("truncated", "a raw disk consists of sectors of 512 bytes, and the last one is not whole", "upload the whole file again and compare its checksum")
		return nil
	}
	if bytes.HasPrefix(in.head, []byte(luks)) {
		in.fatal("encrypted", "the whole disk is encrypted (LUKS)", "open it with cryptsetup, and upload what is inside")
		return nil
	}
	in.partitions(plain{in, in.Bytes})
	return nil
}

// luks begins a disk that is encrypted as a whole.
const luks = "LUKS\xba\xbe"

// The partition types that matter, as they stand in the tables.
const (
	typeProtective = 0xee
	typeESP        = 0xef
	guidESP        = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b"
	guidBIOSBoot   = "Hah!IdontNeedEFI"
)

// partitions reads the partition table, tells how the disk can boot, and whether
// all of the disk is there.
func (in *inspection) partitions(g guest) {
	first, ok := g.at(0, sector)
	switch {
	case !ok:
		in.warn("partitionsUnknown", "the first sector could not be read without unpacking, so that the partitions were not checked", "")
		return
	case first[510] != 0x55 || first[511] != 0xaa:
		in.Partitions, in.BIOS, in.UEFI = NoPartitions, image.No, image.No
		in.warn("noBootSignature", "the first sector has no boot signature: the disk may not boot", "check that this is the system's disk and not a partition of it")
		return
	}
	in.mbr(g, first)
}

// mbr reads the partition table of a first sector. One of GPT counts before the other
// entries of a hybrid table; these can have the disk start by BIOS all the same.
func (in *inspection) mbr(g guest, first []byte) {
	in.Partitions, in.BIOS, in.UEFI = MBR, image.TriOf(!bytes.Equal(first[:440], make([]byte, 440))), image.No
	var end uint64
	entries, protective := 0, false
	for n := range 4 {
		p := first[446+16*n:]
		start, count := uint64(binary.LittleEndian.Uint32(p[8:])), uint64(binary.LittleEndian.Uint32(p[12:]))
		switch {
		case p[0]&0x7f != 0: // neither active nor not
			in.notPartitioned()
			return
		case p[4] == 0:
			continue
		case p[4] == typeProtective:
			protective = true
			continue
		case p[4] == typeESP:
			in.UEFI = image.Yes
		}
		entries++
		end = max(end, start+count)
	}
	switch {
	case protective:
		in.gpt(g)
		if entries > 0 && in.BIOS == image.No {
			in.BIOS = image.Unknown
		}
	case entries == 0:
		in.notPartitioned()
	default:
		in.ends(end)
	}
}

// notPartitioned: the first sector ends as one with a partition table, and has none.
// File systems begin so, too.
func (in *inspection) notPartitioned() {
	in.Partitions, in.UEFI = NoPartitions, image.No
	in.warn("noPartitions", "the first sector has no partition table: this may be a partition and not a whole disk", "check that this is the system's disk and not a partition of it")
}

// ends compares where the last partition ends with the size of the disk.
func (in *inspection) ends(sectors uint64) {
	if sectors > uint64(in.Bytes)/sector {
		in.fatal("truncated", "a partition ends behind the end of the disk", "upload the whole file again and compare its checksum")
	}
}

const (
	gptSignature   = "EFI PART"
	largeSector    = 4096
	mostPartitions = 128
	entrySize      = 128
)

func (in *inspection) gpt(g guest) {
	in.Partitions, in.BIOS, in.UEFI = GPT, image.Unknown, image.Unknown
	h := in.gptHeader(g)
	if h == nil {
		return
	}
	le := binary.LittleEndian
	at, count, size := le.Uint64(h[72:]), le.Uint32(h[80:]), le.Uint32(h[84:])
	in.ends(max(le.Uint64(h[32:])+1, le.Uint64(h[48:])+1))
	if at > 1<<20 || count > mostPartitions || size != entrySize {
		in.warn("partitionsUnknown", "the partition table (GPT) is of an unusual form, and was not checked further", "")
		return
	}
	entries, ok := g.at(int64(at)*sector, int64(count)*entrySize)
	if !ok {
		in.warn("partitionsUnknown", "the partitions could not be read without unpacking", "")
		return
	}
	if crc32.ChecksumIEEE(entries) != le.Uint32(h[88:]) {
		in.fatal("partitionTable", "the checksum of the partition table (GPT) is wrong", "repair it with gdisk, or upload the file again")
		return
	}
	in.BIOS, in.UEFI = image.No, image.No
	for ; len(entries) >= entrySize; entries = entries[entrySize:] {
		switch string(entries[:16]) {
		case guidESP:
			in.UEFI = image.Yes
		case guidBIOSBoot:
			in.BIOS = image.Yes
		}
	}
}

// gptHeader reads the header of the table; nil: it says already why there is none.
func (in *inspection) gptHeader(g guest) []byte {
	h, ok := g.at(sector, sector)
	if !ok {
		in.warn("partitionsUnknown", "the partition table could not be read without unpacking", "")
		return nil
	}
	if large, ok := g.at(largeSector, sector); ok && string(h[:8]) != gptSignature && string(large[:8]) == gptSignature {
		in.fatal("sectorSize", "the partition table is for sectors of 4096 bytes, and disks of ECS have 512", "make the disk with sectors of 512 bytes, copy the partitions into it, and upload that")
		return nil
	}
	length := binary.LittleEndian.Uint32(h[12:])
	if string(h[:8]) != gptSignature || length < 92 || length > sector || headerSum(h[:length]) != binary.LittleEndian.Uint32(h[16:]) {
		in.fatal("partitionTable", "the partition table (GPT) is damaged", "repair it with gdisk, or upload the file again")
		return nil
	}
	return h
}

// headerSum is the checksum of a GPT header, for which its own field is zero.
func headerSum(h []byte) uint32 {
	h = bytes.Clone(h)
	clear(h[16:20])
	return crc32.ChecksumIEEE(h)
}
