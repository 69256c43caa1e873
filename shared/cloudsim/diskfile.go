package cloudsim

import (
	"encoding/binary"
	"fmt"

	"imagekeeper/shared/image"
)

// A diskFile is what an import finds in the bytes of an object.
type diskFile struct {
	format string
	// virtual is the size of the disk in bytes.
	virtual int64
	// broken says why the import comes to nothing once it has begun; empty if it
	// does not.
	broken string
	// boots: there is something that firmware can start from, as far as that can be
	// told; efi: by UEFI alone.
	boots, efi bool
}

// The formats that can be imported.
const (
	formatRaw   = "RAW"
	formatQCOW2 = "QCOW2"
	formatVHD   = "VHD"
	formatVMDK  = "VMDK"
)

const sector = 512

// readDiskFile looks at an object's bytes as a disk of the format; an empty
// format is guessed by the first bytes, as ECS does. Refusals:
// InvalidImageFormat.Malformed, InvalidVHDImage.IncorrectSize,
// InvalidBlockSize.NotSupport.
func readDiskFile(c Content, format string) (diskFile, error) {
	if format == "" {
		format = guessFormat(c)
	}
	switch format {
	case formatQCOW2:
		return readQCOW2(c)
	case formatVHD:
		return readVHD(c)
	case formatVMDK:
		if string(bytesAt(c, 0, 4)) != "KDMV" {
			return diskFile{}, notOfFormat(format)
		}
		capacity := binary.LittleEndian.Uint64(bytesAt(c, 12, 8))
		return diskFile{format: format, virtual: int64(min(capacity, 1<<40)) * sector, boots: true}, nil
	}
	return readRaw(c), nil
}

func notOfFormat(format string) error {
	return malformed(403, "InvalidImageFormat.Malformed", "The specified image is not of the format %s.", format)
}

func guessFormat(c Content) string {
	switch {
	case string(bytesAt(c, 0, 4)) == "QFI\xfb":
		return formatQCOW2
	case string(bytesAt(c, 0, 4)) == "KDMV":
		return formatVMDK
	case string(bytesAt(c, c.Size()-sector, 8)) == "conectix":
		return formatVHD
	}
	return formatRaw
}

// bytesAt are n bytes from an offset on, zeros where there are none.
func bytesAt(c Content, from int64, n int) []byte {
	b := make([]byte, n)
	if from >= 0 {
		_, _ = c.ReadAt(b, from) // what lies beyond the end stays zero
	}
	return b
}

// readRaw tells what can be started: a disk with a boot sector, by UEFI alone
// where its partitions are GPT and none of them is for the BIOS.
func readRaw(c Content) diskFile {
	f := diskFile{format: formatRaw, virtual: c.Size()}
	if c.Size()%sector != 0 {
		f.broken = "the size of the image is not a multiple of 512 bytes"
		return f
	}
	first := bytesAt(c, 0, sector)
	f.boots = first[510] == 0x55 && first[511] == 0xaa
	if string(bytesAt(c, sector, 8)) == "EFI PART" {
		efi, bios := gptPartitions(c)
		f.boots, f.efi = f.boots && (efi || bios), efi && !bios
	}
	return f
}

// The types of partitions that firmware starts from, as GPT writes them.
const (
	efiSystem = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b"
	biosBoot  = "\x48\x61\x68\x21\x49\x64\x6f\x6e\x74\x4e\x65\x65\x64\x45\x46\x49"
)

func gptPartitions(c Content) (efi, bios bool) {
	header := bytesAt(c, sector, sector)
	at := int64(binary.LittleEndian.Uint64(header[72:])) * sector
	count, size := binary.LittleEndian.Uint32(header[80:]), binary.LittleEndian.Uint32(header[84:])
	if size < 128 || size > 4096 {
		return false, false
	}
	for i := range min(count, 128) {
		switch string(bytesAt(c, at+int64(i)*int64(size), 16)) {
		case efiSystem:
			efi = true
		case biosBoot:
			bios = true
		}
	}
	return efi, bios
}

func readQCOW2(c Content) (diskFile, error) {
	h := qcow2Header(bytesAt(c, 0, 112))
	version, bits := h.u32(4), h.u32(20)
	isOne := string(h[:4]) == "QFI\xfb" && (version == 2 || version == 3)
	if !isOne || bits < 9 || bits > 21 || h.u64(24) == 0 || h.u64(24) > 1<<46 {
		return diskFile{}, notOfFormat(formatQCOW2)
	}
	return diskFile{format: formatQCOW2, virtual: int64(h.u64(24)), boots: true, broken: h.broken(uint64(c.Size()))}, nil
}

// qcow2Header is the beginning of an image in that format.
type qcow2Header []byte

func (h qcow2Header) u32(at int) uint64 { return uint64(binary.BigEndian.Uint32(h[at:])) }
func (h qcow2Header) u64(at int) uint64 { return binary.BigEndian.Uint64(h[at:]) }

// broken says why an image of so many bytes cannot be imported; empty if it can.
func (h qcow2Header) broken(size uint64) string {
	incompatible := uint64(0)
	if h.u32(4) == 3 {
		incompatible = h.u64(72)
	}
	covered := uint64(1) << (2*h.u32(20) - 3) // by one entry of the first table
	needs, entries, first, counts := (h.u64(24)+covered-1)/covered, h.u32(36), h.u64(40), h.u64(48)
	switch {
	case h.u64(8) != 0:
		return "the image has a backing file"
	case h.u32(32) != 0:
		return "the image is encrypted"
	case incompatible&4 != 0:
		return "the data of the image is in another file"
	case incompatible&^0b11000 != 0:
		return fmt.Sprintf("the image needs features that are not supported: %#x", incompatible)
	case entries < needs || first > size || first+8*entries > size || counts > size:
		return "the tables of the image lie outside of it"
	}
	return ""
}

func readVHD(c Content) (diskFile, error) {
	foot := bytesAt(c, c.Size()-sector, sector)
	kind := binary.BigEndian.Uint32(foot[60:])
	size := binary.BigEndian.Uint64(foot[48:])
	if string(foot[:8]) != "conectix" || kind < 2 || kind > 4 || size == 0 || size > 1<<46 || !summed(foot) {
		return diskFile{}, notOfFormat(formatVHD)
	}
	f := diskFile{format: formatVHD, virtual: int64(size), boots: true}
	switch {
	case kind == 4:
		f.broken = "the image is the difference to another"
	case kind == 2 && uint64(c.Size()) != size+sector:
		f.broken = "the image is shorter or longer than it says"
	case kind == 3:
		header := bytesAt(c, int64(min(binary.BigEndian.Uint64(foot[16:]), 1<<62)), 1024)
		entries, block := uint64(binary.BigEndian.Uint32(header[28:])), uint64(binary.BigEndian.Uint32(header[32:]))
		switch {
		case string(header[:8]) != "cxsparse":
			f.broken = "the image has no table of its blocks"
		case block < sector || block&(block-1) != 0:
			return diskFile{}, malformed(403, "InvalidBlockSize.NotSupport", "The block size %d of the VHD image is not supported.", block)
		case entries*block < size:
			return diskFile{}, malformed(403, "InvalidVHDImage.IncorrectSize", "The specified size of the VHD image does not meet the 'header.MaxTableEntries * header.BlockSize' specification.")
		}
	}
	return f, nil
}

// summed reports whether a VHD's footer has the sum it says: the complement of
// all its other bytes'.
func summed(foot []byte) bool {
	sum := uint32(0)
	for i, b := range foot {
		if i < 64 || i >= 68 {
			sum += uint32(b)
		}
	}
	return ^sum == binary.BigEndian.Uint32(foot[64:])
}

// startsBy reports whether the firmware that the boot mode stands for finds
// something to start from.
func (f diskFile) startsBy(mode image.BootMode) bool {
	return f.boots && (!f.efi || mode != image.BIOS)
}
