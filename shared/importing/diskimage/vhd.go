package diskimage

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	vhdCookie     = "conectix"
	dynamicCookie = "cxsparse"
	dynamicLength = 1024
)

// The types of VHD.
const (
	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4
)

// footerAt reports whether a footer begins so many bytes before the end.
func footerAt(tail []byte, before int) bool {
	return len(tail) >= before && bytes.HasPrefix(tail[len(tail)-before:], []byte(vhdCookie))
}

// vhd checks a VHD by its footer, the last 512 bytes.
func (in *inspection) vhd() error {
	again := "qemu-img convert -O vpc -o force_size " + quoted(in.name) + " converted.vhd"
	switch {
	case footerAt(in.tail, sector):
	case footerAt(in.tail, sector-1):
		in.fatal("shortFooter", "its footer has 511 bytes, as old writers made it", again)
		return nil
	default:
		return errOutside // there is a copy at the head, and no footer
	}
	footer := in.tail[len(in.tail)-sector:]
	be := binary.BigEndian
	size, kind := be.Uint64(footer[48:]), be.Uint32(footer[60:])
	switch {
	case kind == vhdDifferencing:
		in.fatal("differencing", "only the difference to another file is in it", again)
		return nil
	case kind != vhdFixed && kind != vhdDynamic:
		in.fatal("unknownDiskType", fmt.Sprintf("a VHD of type %d; fixed (2) and dynamic (3) are imported", kind), again)
		return nil
	case checksum(footer, 64) != be.Uint32(footer[64:]):
		in.fatal("checksumMismatch", "the checksum of its footer is wrong", "upload the file again and compare its checksum")
		return nil
	case size == 0 || size > 1<<62 || size%sector != 0:
		in.impossible(fmt.Sprintf("the disk inside has %d bytes", size))
		return nil
	}
	in.Bytes = int64(size)
	if kind == vhdFixed {
		if in.file.size != in.Bytes+sector {
			in.fatal("sizeMismatch", fmt.Sprintf("a fixed VHD of %d bytes has to have 512 more; it has %d in all", size, in.file.size), again)
			return nil
		}
		in.partitions(plain{in, in.Bytes})
		return nil
	}
	return in.vhdDynamic(footer)
}

// checksum is the ones' complement of the sum of all bytes but the checksum's own.
func checksum(b []byte, at int) uint32 {
	var sum uint32
	for n, c := range b {
		if n < at || n >= at+4 {
			sum += uint32(c)
		}
	}
	return ^sum
}

// vhdDynamic checks the header and the table of blocks.
func (in *inspection) vhdDynamic(footer []byte) error {
	be := binary.BigEndian
	at := be.Uint64(footer[16:])
	if at > uint64(in.file.size) {
		return errOutside
	}
	header, err := in.file.read(int64(at), dynamicLength)
	if err != nil {
		return err
	}
	table, entries, block := be.Uint64(header[16:]), uint64(be.Uint32(header[28:])), uint64(be.Uint32(header[32:]))
	switch {
	case !bytes.HasPrefix(header, []byte(dynamicCookie)):
		in.impossible("the header of the dynamic disk is not where the footer has it")
	case checksum(header, 36) != be.Uint32(header[36:]):
		in.fatal("checksumMismatch", "the checksum of its header is wrong", "upload the file again and compare its checksum")
	case block < sector || block&(block-1) != 0:
		in.fatal("blockSize", fmt.Sprintf("blocks of %d bytes; ECS wants a power of two", block), "qemu-img convert -O vpc "+quoted(in.name)+" converted.vhd")
	case entries*block < uint64(in.Bytes):
		in.impossible(fmt.Sprintf("%d blocks of %d bytes do not hold the disk of %d", entries, block, in.Bytes))
	case table > uint64(in.file.size) || 4*entries > uint64(in.file.size)-table:
		return errOutside
	default:
		return in.vhdBlocks(int64(table), int64(entries), int64(block))
	}
	return nil
}

const unusedBlock = 0xffffffff

func (in *inspection) vhdBlocks(table, entries, block int64) error {
	b, err := in.file.read(table, min(4*entries, mostTable))
	if err != nil {
		return err
	}
	guest := vhdGuest{in: in, block: block, bitmap: (block/sector/8 + sector - 1) / sector * sector}
	for ; len(b) >= 4; b = b[4:] {
		at := int64(binary.BigEndian.Uint32(b))
		guest.table = append(guest.table, at)
		if at != unusedBlock && at*sector+guest.bitmap >= in.file.size {
			return errOutside
		}
	}
	in.partitions(guest)
	return nil
}

// vhdGuest reads the disk inside a dynamic VHD.
type vhdGuest struct {
	in            *inspection
	block, bitmap int64
	table         []int64
}

func (g vhdGuest) at(offset, n int64) ([]byte, bool) {
	var out bytes.Buffer
	for n > 0 {
		i := offset / g.block
		part := min(n, g.block-offset%g.block)
		if i >= int64(len(g.table)) {
			return nil, false
		}
		if g.table[i] == unusedBlock {
			out.Write(make([]byte, part))
		} else {
			read, err := g.in.file.read(g.table[i]*sector+g.bitmap+offset%g.block, part)
			if err != nil {
				return nil, false
			}
			out.Write(read)
		}
		offset, n = offset+part, n-part
	}
	return out.Bytes(), true
}
