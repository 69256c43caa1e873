package diskimage

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// magic is how a format shows: bytes at an offset from the head.
type magic struct {
	format Format
	offset int
	bytes  string
	// what and unpack are for archives: their name, and the command that opens one.
	what, unpack string
}

// magics are in the order of detection. A raw disk whose guest wrote the magic of
// another format to its first sector is taken for that format, and then refused or
// sent as that: ECS is always told the format, so that it guesses nothing.
func magics() []magic {
	return []magic{
		{format: QCOW2, bytes: "QFI\xfb"},
		{format: VHDX, bytes: "vhdxfile"},
		{format: VMDK, bytes: "KDMV"},
		{format: VMDK, bytes: "COWD"},
		{format: VMDK, bytes: vmdkDescriptor},
		{format: VHD, bytes: vhdCookie},
		{format: QED, bytes: "QED\x00"},
		{format: Parallels, bytes: "WithoutFreeSpace"},
		{format: Parallels, bytes: "WithouFreSpacExt"},
		{format: VDI, offset: 64, bytes: "\x7f\x10\xda\xbe"},
		{format: Packed, bytes: "\x1f\x8b", what: "gzip", unpack: "gzip -d"},
		{format: Packed, bytes: "\xfd7zXZ\x00", what: "xz", unpack: "xz -d"},
		{format: Packed, bytes: "\x28\xb5\x2f\xfd", what: "zstd", unpack: "zstd -d"},
		{format: Packed, bytes: "BZh", what: "bzip2", unpack: "bzip2 -d"},
		{format: Packed, bytes: "LZIP", what: "lzip", unpack: "lzip -d"},
		{format: Packed, bytes: "\x1f\x9d", what: "compress", unpack: "uncompress"},
		{format: Packed, bytes: "PK\x03\x04", what: "zip", unpack: "unzip"},
		{format: Packed, bytes: "PK\x05\x06", what: "zip", unpack: "unzip"},
		{format: Packed, bytes: "PK\x07\x08", what: "zip", unpack: "unzip"},
		{format: Packed, bytes: "Rar!\x1a\x07", what: "rar", unpack: "unrar x"},
		{format: Packed, bytes: "MSWIM\x00\x00\x00", what: "wim", unpack: "7z x"},
		{format: Packed, bytes: "070701", what: "cpio", unpack: "cpio -idI"},
		{format: Packed, bytes: "!<arch>\n", what: "ar", unpack: "ar x"},
		{format: Packed, bytes: "7z\xbc\xaf\x27\x1c", what: "7z", unpack: "7z x"},
		{format: Packed, bytes: "\x04\x22\x4d\x18", what: "lz4", unpack: "lz4 -d"},
		{format: Packed, offset: 257, bytes: "ustar", what: "tar", unpack: "tar -xf"},
		{format: ISO, offset: 32769, bytes: "CD001"},
		{format: ISO, offset: 32769, bytes: "BEA01"}, // UDF alone
	}
}

// matching returns the magic that a head shows, if it shows one.
func matching(head []byte) (magic, bool) {
	for _, m := range magics() {
		if len(head) >= m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.bytes)) {
			return m, true
		}
	}
	return magic{}, false
}

// formatOf goes by the head and by the tail, where a fixed VHD has its only mark.
// A hybrid ISO boots from a disk as well as from a disc, and shows a partition
// table: it is an ISO all the same.
func formatOf(head, tail []byte) Format {
	m, ok := matching(head)
	strong := ok && slices.Contains([]Format{QCOW2, VHDX, VMDK, VHD, QED, Parallels}, m.format)
	switch {
	case strong:
		return m.format
	case footerAt(tail, sector) || footerAt(tail, sector-1):
		return VHD
	case len(tail) >= sector && bytes.HasPrefix(tail[len(tail)-sector:], []byte("koly\x00\x00\x00\x04")):
		return DMG
	case ok:
		return m.format
	}
	return RAW
}

// refuse says why a format is not imported, and with which command it can be.
func (in *inspection) refuse() {
	m, _ := matching(in.head)
	switch in.Format {
	case Packed:
		in.packed(m)
	case ISO:
		in.fatal("iso", "this is an installation disc, not an installed disk", "install the system on a disk of a virtual machine, and upload that disk")
	default:
		from := strings.ToLower(string(in.Format))
		target := strings.TrimSuffix(path.Base(in.name), path.Ext(in.name)) + ".qcow2"
		remedy := fmt.Sprintf("qemu-img convert -f %s -O qcow2 %s %s", from, quoted(path.Base(in.name)), quoted(target))
		if m.bytes == vmdkDescriptor {
			remedy += " # beside the files that it names: by itself it holds no data"
		}
		in.fatal("formatNotImported", fmt.Sprintf("%s is not imported: ECS takes RAW, QCOW2 and VHD", in.Format), remedy)
	}
}

// vmdkDescriptor begins a VMDK that only names the files that hold the disk.
const vmdkDescriptor = "# Disk DescriptorFile"

// packed says how a compressed file or an archive is opened.
func (in *inspection) packed(m magic) {
	code, what, unpack := "compressed", m.what+" file", m.unpack
	if slices.Contains([]string{"tar", "zip", "7z", "rar", "wim", "cpio", "ar"}, m.what) {
		code = "archived"
	}
	name, inside := strings.ToLower(in.name), ", then upload what is inside"
	first, _, _ := strings.Cut(string(in.head[:min(len(in.head), 100)]), "\x00")
	switch {
	case m.what == "tar" && strings.HasSuffix(strings.ToLower(first), ".ovf"):
		what, inside = "virtual appliance (OVA)", " && qemu-img convert -O qcow2 *.vmdk disk.qcow2, then upload disk.qcow2"
	case code == "compressed" && (strings.Contains(path.Base(name), ".tar.") || strings.HasSuffix(name, ".tgz")):
		unpack = "tar -xf"
	}
	in.fatal(code, fmt.Sprintf("this is a %s, not a disk image", what), unpack+" "+quoted(in.name)+inside)
}

// quoted is a text as one word of a shell, whatever is in it.
func quoted(s string) string {
	plain := s != "" && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == ""
	if plain {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
