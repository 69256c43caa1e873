package diskimage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing/diskimage"
)

func codes(found []image.Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, string(f.Level)+" "+f.Code)
	}
	return all
}

func TestGoodDisks(t *testing.T) {
	mbr, uefi, both := mbrDisk(3*mib), gptDisk(3*mib, espGUID, linuxGUID), gptDisk(3*mib, biosBootGUID, espGUID, linuxGUID)
	type how struct {
		partitions diskimage.Partitions
		bios, uefi image.Tri
	}
	disks := []struct {
		name string
		disk []byte
		how
	}{
		{"mbr", mbr, how{diskimage.MBR, image.Yes, image.No}},
		{"uefi", uefi, how{diskimage.GPT, image.No, image.Yes}},
		{"both", both, how{diskimage.GPT, image.Yes, image.Yes}},
	}
	formats := map[diskimage.Format][]func([]byte) []byte{
		diskimage.RAW: {bytes.Clone},
		diskimage.QCOW2: {
			func(d []byte) []byte { return qcow2Of(d, 2) },
			func(d []byte) []byte { return qcow2Of(d, 3) },
		},
		diskimage.VHD: {fixedVHD, dynamicVHD},
	}
	for _, c := range disks {
		for format, writers := range formats {
			for n, write := range writers {
				t.Run(fmt.Sprint(c.name, format, n), func(t *testing.T) {
					d, _, err := inspect(write(c.disk))
					if err != nil || len(d.Findings) > 0 {
						t.Fatalf("%v, findings %v", err, d.Findings)
					}
					if d.Format != format || d.Bytes != 3*mib || d.GiB() != 1 {
						t.Errorf("%s of %d bytes, %d GiB", d.Format, d.Bytes, d.GiB())
					}
					if got := (how{d.Partitions, d.BIOS, d.UEFI}); got != c.how {
						t.Errorf("got %v, want %v", got, c.how)
					}
				})
			}
		}
	}
}

// defect is a file with something wrong, and what is found.
type defect struct {
	name string
	file []byte
	want string
}

// qcowDefects are those of QCOW2.
func qcowDefects(raw []byte) []defect {
	q2, q3 := qcow2Of(raw, 2), qcow2Of(raw, 3)
	return []defect{
		{"qcow 1", changed(q3, 4, be32(1)...), "fatal unsupportedVersion"},
		{"qcow 4", changed(q3, 4, be32(4)...), "fatal unsupportedVersion"},
		{"backing file", changed(q3, 8, be64(512)...), "fatal backingFile"},
		{"backing file, version 2", changed(q2, 8, be64(512)...), "fatal backingFile"},
		{"aes", changed(q3, 32, be32(1)...), "fatal encrypted"},
		{"luks", changed(q3, 32, be32(2)...), "fatal encrypted"},
		{"luks by extension", changed(q3, 104, slices.Concat(be32(0x0537be77), be32(16), make([]byte, 16))...), "fatal encrypted"},
		{"external data by extension", changed(q3, 104, slices.Concat(be32(0x44415441), be32(4), []byte("evil"))...), "fatal externalDataFile"},
		{"extension without end", changed(q3, 104, slices.Concat(be32(0x6803f857), be32(1<<30))...), "fatal impossibleTables"},
		{"dirty", changed(q3, 79, 1), "fatal notClosed"},
		{"corrupt", changed(q3, 79, 2), "fatal corrupt"},
		{"external data file", changed(q3, 79, 4), "fatal externalDataFile"},
		{"unknown feature", changed(q3, 79, 64), "fatal unknownFeature"},
		{"unknown feature, highest bit", changed(q3, 72, 128), "fatal unknownFeature"},
		{"zstd", changed(q3, 79, slices.Concat([]byte{8}, q3[80:100], be32(112), []byte{1})...), "warning zstdClusters"},
		{
			"zstd, first cluster", changed(changed(q3, 79, slices.Concat([]byte{8}, q3[80:100], be32(112), []byte{1})...), 3*64*kib, be64(1<<62|4*64*kib)...),
			"warning zstdClusters warning partitionsUnknown",
		},
		{"extended L2 of an empty disk", changed(changed(q3, 79, 16), 2*64*kib, be64(0)...), "warning extendedTables warning noBootSignature"},
		{"internal snapshots", changed(q3, 60, slices.Concat(be32(3), be64(4*64*kib))...), "warning internalSnapshots"},
		{"snapshots without a table", changed(q3, 60, be32(3)...), "warning internalSnapshots fatal impossibleTables"},
		{"snapshots not at a cluster", changed(q3, 60, slices.Concat(be32(3), be64(64*kib+512))...), "warning internalSnapshots fatal impossibleTables"},
		{"snapshots beyond the end", changed(q3, 60, slices.Concat(be32(1), be64(1<<40))...), "warning internalSnapshots fatal truncated"},
		{"more snapshots than the file holds", changed(q3, 60, slices.Concat(be32(1<<31), be64(4*64*kib))...), "warning internalSnapshots fatal truncated"},
		{"a header of 4 GiB", changed(q3, 100, be32(1<<32-8)...), "fatal impossibleTables"},
		{"a header longer than its cluster", changed(q3, 100, be32(64*kib+8)...), "fatal impossibleTables"},
		{"a header of 105 bytes", changed(q3, 100, be32(105)...), "fatal impossibleTables"},
		{"compressed in an unknown way", changed(q3, 79, slices.Concat([]byte{8}, q3[80:100], be32(112), []byte{2})...), "fatal unknownFeature"},
		{"compressed by zstd, unsaid", changed(q3, 100, slices.Concat(be32(112), []byte{1})...), "fatal unknownFeature"},
		{"cluster not at a cluster", changed(q3, 3*64*kib+8*7, be64(4*64*kib+512)...), "fatal impossibleTables"},
		{"a cluster of the last table not at a cluster", changed(q3, 3*64*kib+8*40, be64(1<<63|4*64*kib+1024)...), "fatal impossibleTables"},
		{"no size", changed(q3, 24, be64(0)...), "fatal zeroSize"},
		{"three tebibytes", changed(changed(q3, 24, be64(3<<40)...), 36, be32(6144)...), "fatal diskTooLarge"},
		{"more than any disk", changed(q3, 24, be64(1<<63)...), "fatal impossibleTables"},
		{"L1 too small", changed(q3, 24, be64(1<<40)...), "fatal impossibleTables"},
		{"L1 outside", changed(q3, 40, be64(1<<40)...), "fatal truncated"},
		{"L1 overflowing", changed(q3, 40, be64(1<<64-64*kib)...), "fatal truncated"},
		{"L1 not at a cluster", changed(q3, 40, be64(2*64*kib+512)...), "fatal impossibleTables"},
		{"no reference counts", changed(q3, 48, be64(0)...), "fatal impossibleTables"},
		{"reference counts outside", changed(q3, 56, be32(1<<20)...), "fatal truncated"},
		{"clusters of 2^8", changed(q3, 20, be32(8)...), "fatal impossibleTables"},
		{"clusters of 2^22", changed(q3, 20, be32(22)...), "fatal impossibleTables"},
		{"clusters of 2^4294967295", changed(q3, 20, be32(1<<32-1)...), "fatal impossibleTables"},
		{"header of 100 bytes", changed(q3, 100, be32(100)...), "fatal impossibleTables"},
		{"reference counts of 2^7 bits", changed(q3, 96, be32(7)...), "fatal impossibleTables"},
		{"L2 outside", changed(q3, 2*64*kib, be64(1<<40)...), "fatal truncated"},
		{"L2 not at a cluster", changed(q3, 2*64*kib, be64(3*64*kib+512)...), "fatal impossibleTables"},
		{"cluster outside", changed(q3, 3*64*kib+8*40, be64(1<<40)...), "fatal truncated"},
		{"half a qcow", q3[:len(q3)/2], "fatal truncated"},
		{"only a qcow's header", q3[:512], "fatal truncated"},
		{"sixty bytes of a qcow", q3[:60], "fatal truncated"},
	}
}

// otherDefects are those of every other format.
func otherDefects(raw []byte) []defect {
	oddBlocks := changed(dynamicVHD(raw), 512+32, be32(3*mib)...)
	sumVHD(oddBlocks[512:512+1024], 36)
	fixed, dynamic, gpt := fixedVHD(raw), dynamicVHD(raw), gptDisk(3*mib, espGUID, linuxGUID)
	return []defect{
		{"empty", nil, "fatal empty"},
		{"fixed, of no whole sectors", slices.Concat(raw, vhdFooter(3*mib+100, 2, 0)), "fatal impossibleTables"},
		{"fixed, of no size", slices.Concat(raw, vhdFooter(0, 2, 0)), "fatal impossibleTables"},
		{"a footer's copy and nothing else", vhdFooter(3*mib, 3, 512)[:500], "fatal truncated"},
		{"a fixed VHD's footer at its head", slices.Concat(vhdFooter(3*mib, 2, ^uint64(0)), raw), "fatal truncated"},
		{"differencing, with a parent locator", differencing(raw), "fatal differencing"},
		{"dynamic, more blocks than the file has a table for", tableOf(dynamicVHD(raw), 1<<30), "fatal truncated"},
		{"dynamic, too few blocks", tableOf(dynamicVHD(raw), 1), "fatal impossibleTables"},
		{"rar", append([]byte("Rar!\x1a\x07\x01\x00"), raw...), "fatal archived"},
		{"lzip", append([]byte("LZIP\x01"), raw...), "fatal compressed"},
		{"compress", append([]byte("\x1f\x9d\x90"), raw...), "fatal compressed"},
		{"an empty zip", append([]byte("PK\x05\x06"), make([]byte, 18)...), "fatal archived"},
		{"wim", append([]byte("MSWIM\x00\x00\x00"), raw...), "fatal archived"},
		{"cpio", append([]byte("070701"), raw...), "fatal archived"},
		{"ova", slices.Concat([]byte("web.ovf"), make([]byte, 250), []byte("ustar\x0000"), make([]byte, 2048)), "fatal archived"},
		{"qed", append([]byte("QED\x00"), raw...), "fatal formatNotImported"},
		{"parallels", append([]byte("WithoutFreeSpace"), raw...), "fatal formatNotImported"},
		{"dmg", slices.Concat(raw, []byte("koly\x00\x00\x00\x04"), make([]byte, 504)), "fatal formatNotImported"},
		{"esx sparse", append([]byte("COWD"), raw...), "fatal formatNotImported"},
		{"udf", changed(raw, 32769, []byte("BEA01")...), "fatal iso"},
		{"luks", changed(raw, 0, []byte("LUKS\xba\xbe\x00\x02")...), "fatal encrypted"},
		{"gpt of sectors of 4 KiB", largeSectors(gpt), "fatal sectorSize"},
		{"a protective entry alone", changed(gpt, 512, make([]byte, 2*mib)...), "fatal partitionTable"},
		{"gpt's length", changed(gpt, 512+12, 0, 2, 0, 1), "fatal partitionTable"},
		{"gpt's entries far away", sumGPT(changed(gpt, 512+72, 0, 0, 0, 0, 1)), "warning partitionsUnknown"},
		{"gpt of entries of 256 bytes", sumGPT(changed(gpt, 512+84, 0, 1)), "warning partitionsUnknown"},
		{"a signature, and no partition", changed(raw, 446, make([]byte, 64)...), "warning noPartitions"},
		{"a file system", changed(raw, 446, []byte("NTLDR is missing")...), "warning noPartitions"},
		{"one byte", []byte{0}, "fatal truncated"},
		{"one sector of zeros", make([]byte, 512), "warning noBootSignature"},
		{"differencing", slices.Concat(raw, vhdFooter(3*mib, 4, 0)), "fatal differencing"},
		{"vhd of type 5", slices.Concat(raw, vhdFooter(3*mib, 5, 0)), "fatal unknownDiskType"},
		{"footer's sum", changed(fixed, -500, 7), "fatal checksumMismatch"},
		{"fixed, size", slices.Concat(raw, vhdFooter(4*mib, 2, 0)), "fatal sizeMismatch"},
		{"footer of 511", fixed[:len(fixed)-1], "fatal shortFooter"},
		{"dynamic without footer", dynamic[:len(dynamic)-600], "fatal truncated"},
		{"dynamic, header elsewhere", slices.Concat(dynamic[:len(dynamic)-512], vhdFooter(3*mib, 3, 1<<40)), "fatal truncated"},
		{"dynamic, no header", changed(dynamic, 512, 'x'), "fatal impossibleTables"},
		{"dynamic, blocks of 3 MiB", oddBlocks, "fatal blockSize"},
		{"dynamic, header's sum", changed(dynamic, 512+100, 7), "fatal checksumMismatch"},
		{"dynamic, block outside", changed(dynamic, 1536, be32(1<<30)...), "fatal truncated"},
		{"vmdk", append([]byte("KDMV"), raw...), "fatal formatNotImported"},
		{"vmdk's descriptor", []byte("# Disk DescriptorFile\nversion=1\n"), "fatal formatNotImported"},
		{"vhdx", append([]byte("vhdxfile"), raw...), "fatal formatNotImported"},
		{"vdi", changed(raw, 64, 0x7f, 0x10, 0xda, 0xbe), "fatal formatNotImported"},
		{"gzip", append([]byte("\x1f\x8b\x08"), raw...), "fatal compressed"},
		{"xz", append([]byte("\xfd7zXZ\x00"), raw...), "fatal compressed"},
		{"zstd file", append([]byte("\x28\xb5\x2f\xfd"), raw...), "fatal compressed"},
		{"bzip2", append([]byte("BZh9"), raw...), "fatal compressed"},
		{"lz4", append([]byte("\x04\x22\x4d\x18"), raw...), "fatal compressed"},
		{"zip", append([]byte("PK\x03\x04"), raw...), "fatal archived"},
		{"7z", append([]byte("7z\xbc\xaf\x27\x1c"), raw...), "fatal archived"},
		{"tar", changed(raw, 257, []byte("ustar")...), "fatal archived"},
		{"hybrid iso", changed(raw, 32769, []byte("CD001")...), "fatal iso"},
		{"not whole sectors", raw[:len(raw)-100], "fatal truncated"},
		{"partition behind the end", raw[:2*mib], "fatal truncated"},
		{"gpt behind the end", gpt[:2*mib], "fatal truncated"},
		{"gpt's sum", changed(gpt, 512+60, 7), "fatal partitionTable"},
		{"gpt's entries' sum", changed(gpt, 1024+50, 7), "fatal partitionTable"},
		{"gpt's header gone", changed(gpt, 512, make([]byte, 512)...), "fatal partitionTable"},
		{"no signature", make([]byte, 3*mib), "warning noBootSignature"},
		{"no signature in a qcow", qcow2Of(make([]byte, 3*mib), 3), "warning noBootSignature"},
	}
}

// differencing is a VHD of the difference to a parent that it names.
func differencing(disk []byte) []byte {
	d := dynamicVHD(disk)
	copy(d[512+64:], "\x00p\x00a\x00r\x00e\x00n\x00t")
	copy(d[512+576:], "W2ku")
	sumVHD(d[512:512+1024], 36)
	footer := vhdFooter(uint64(len(disk)), 4, 512)
	copy(d, footer)
	copy(d[len(d)-512:], footer)
	return d
}

// tableOf is a dynamic VHD that says to have so many blocks.
func tableOf(d []byte, blocks uint32) []byte {
	d = changed(d, 512+28, be32(blocks)...)
	sumVHD(d[512:512+1024], 36)
	return d
}

// largeSectors has the header of a GPT where it is on disks with sectors of 4 KiB.
func largeSectors(gpt []byte) []byte {
	return changed(changed(gpt, 4096, gpt[512:1024]...), 512, make([]byte, 512)...)
}

// sumGPT mends the checksum of the header.
func sumGPT(d []byte) []byte {
	clear(d[512+16 : 512+20])
	binary.LittleEndian.PutUint32(d[512+16:], crc32.ChecksumIEEE(d[512:512+92]))
	return d
}

// A hybrid table has entries beside that of GPT: which of the two a BIOS starts from is
// not known, and no reason to refuse the disk.
func TestHybridTables(t *testing.T) {
	hybrid := changed(gptDisk(3*mib, espGUID, linuxGUID), 446+16, 0x80, 0, 0, 0, 0x83, 0, 0, 0, 34, 0, 0, 0, 10, 0, 0, 0)
	swapped := slices.Concat(hybrid[:446], hybrid[462:478], hybrid[446:462], hybrid[478:])
	for name, disk := range map[string][]byte{"protective first": hybrid, "protective second": swapped} {
		d, _, err := inspect(disk)
		if err != nil || len(d.Findings) > 0 || d.Partitions != diskimage.GPT || d.BIOS != image.Unknown || d.UEFI != image.Yes {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		for _, mode := range []image.BootMode{image.BIOS, image.UEFI} {
			if found := diskimage.Check(d, diskimage.Wish{BootMode: mode}); len(found) > 0 {
				t.Errorf("%s by %s: %v", name, mode, found)
			}
		}
	}
}

// The remedy of each format is the command that it needs.
func TestRemediesByFormat(t *testing.T) {
	raw := mbrDisk(64 * kib)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"web.tar.gz":      {append([]byte("\x1f\x8b\x08"), raw...), "tar -xf web.tar.gz, then upload what is inside"},
		"web.tgz":         {append([]byte("\x1f\x8b\x08"), raw...), "tar -xf web.tgz, then upload what is inside"},
		"out.raw.tar.zst": {append([]byte("\x28\xb5\x2f\xfd"), raw...), "tar -xf out.raw.tar.zst, then upload what is inside"},
		"web.raw.xz":      {append([]byte("\xfd7zXZ\x00"), raw...), "xz -d web.raw.xz, then upload what is inside"},
		"web.rar":         {append([]byte("Rar!\x1a\x07\x00"), raw...), "unrar x web.rar, then upload what is inside"},
		"web.ova": {
			slices.Concat([]byte("web.ovf"), make([]byte, 250), []byte("ustar\x0000"), make([]byte, 2048)),
			"tar -xf web.ova && qemu-img convert -O qcow2 *.vmdk disk.qcow2, then upload disk.qcow2",
		},
		"old.qcow":   {changed(qcow2Of(raw, 3), 4, be32(1)...), "qemu-img convert -f qcow -O qcow2 old.qcow converted.qcow2"},
		"web.dmg":    {slices.Concat(raw, []byte("koly\x00\x00\x00\x04"), make([]byte, 504)), "qemu-img convert -f dmg -O qcow2 web.dmg web.qcow2"},
		"web.vmdk":   {append([]byte("KDMV"), raw...), "qemu-img convert -f vmdk -O qcow2 web.vmdk web.qcow2"},
		"parts.vmdk": {[]byte("# Disk DescriptorFile\nversion=1\n"), "qemu-img convert -f vmdk -O qcow2 parts.vmdk parts.qcow2 # beside the files that it names: by itself it holds no data"},
	} {
		d, err := diskimage.Inspect(context.Background(), &object{bytes: c.file}, int64(len(c.file)), name)
		if f, fatal := d.Fatal(); err != nil || !fatal || f.Remedy != c.want {
			t.Errorf("%s: %q, %v", name, f.Remedy, err)
		}
	}
}

func TestDefects(t *testing.T) {
	raw := mbrDisk(3 * mib)
	for _, c := range slices.Concat(qcowDefects(raw), otherDefects(raw)) {
		t.Run(c.name, func(t *testing.T) {
			d, o, err := inspect(c.file)
			if err != nil || strings.Join(codes(d.Findings), " ") != c.want {
				t.Fatalf("got %v, %v; want %s", codes(d.Findings), err, c.want)
			}
			if d.Findings[0].Sentence == "" || d.Findings[0].Remedy == "" && d.Findings[0].Level == image.Fatal {
				t.Errorf("no sentence or remedy: %+v", d.Findings[0])
			}
			if o.read > diskimage.MostRead || d.Read != o.read {
				t.Errorf("%d bytes read, %d said", o.read, d.Read)
			}
		})
	}
}

// A raw disk whose guest wrote the magic of QCOW2 into its first sector is told
// to be QCOW2, and refused: nobody follows what it names.
func TestProbingAttack(t *testing.T) {
	disk := mbrDisk(3 * mib)
	evil := make([]byte, 512)
	copy(evil, "QFI\xfb\x00\x00\x00\x03")
	copy(evil[8:], be64(256))
	copy(evil[16:], be32(11))
	copy(evil[20:], be32(16))
	copy(evil[24:], be64(3*mib))
	copy(evil[100:], be32(104))
	copy(evil[256:], "/etc/shadow")
	d, _, err := inspect(changed(disk, 0, evil...))
	if f, fatal := d.Fatal(); err != nil || !fatal || f.Code != "backingFile" {
		t.Errorf("got %v, %v", d.Findings, err)
	}
}

func TestWishes(t *testing.T) {
	bios, _, _ := inspect(mbrDisk(3 * mib))
	uefi, _, _ := inspect(gptDisk(3*mib, espGUID))
	both, _, _ := inspect(gptDisk(3*mib, espGUID, biosBootGUID))
	large := diskimage.Disk{Bytes: 40<<30 + 1, BIOS: image.Yes, UEFI: image.Unknown}
	cases := []struct {
		name string
		disk diskimage.Disk
		wish diskimage.Wish
		want []string
	}{
		{"as it is", bios, diskimage.Wish{Architecture: image.X86_64}, nil},
		{"BIOS disk by UEFI", bios, diskimage.Wish{BootMode: image.UEFI}, []string{"fatal bootModeMismatch"}},
		{"UEFI disk by default", uefi, diskimage.Wish{Architecture: image.X86_64}, []string{"fatal bootModeMismatch"}},
		{"UEFI disk by UEFI", uefi, diskimage.Wish{BootMode: image.UEFI}, nil},
		{"UEFI disk of arm64 by default", uefi, diskimage.Wish{Architecture: image.ARM64}, nil},
		{"arm64 by BIOS", uefi, diskimage.Wish{Architecture: image.ARM64, BootMode: image.BIOS}, []string{"fatal architectureNeedsUEFI"}},
		{"BIOS disk of arm64", bios, diskimage.Wish{Architecture: image.ARM64}, []string{"fatal bootModeMismatch"}},
		{"both by BIOS", both, diskimage.Wish{BootMode: image.BIOS}, nil},
		{"both by UEFI", both, diskimage.Wish{BootMode: image.UEFI}, nil},
		{"a byte too many", large, diskimage.Wish{SizeGiB: 40}, []string{"fatal diskSizeTooSmall"}},
		{"large enough", large, diskimage.Wish{SizeGiB: 41}, nil},
		{"size left out", large, diskimage.Wish{}, nil},
		{"unknown is not refused", large, diskimage.Wish{BootMode: image.UEFI}, nil},
		{"data disk", uefi, diskimage.Wish{Data: true}, nil},
	}
	for _, c := range cases {
		if got := codes(diskimage.Check(c.disk, c.wish)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// Every code that the sources of this package have is met by a defect.
func TestEveryCodeHasADefect(t *testing.T) {
	met := map[string]bool{}
	for _, c := range slices.Concat(qcowDefects(mbrDisk(3*mib)), otherDefects(mbrDisk(3*mib))) {
		for _, word := range strings.Fields(c.want) {
			met[word] = true
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\b(?:fatal|warn)\("(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			if number++; !met[m[1]] {
				t.Errorf("no defect has %s", m[1])
			}
		}
	}
	if number < 30 {
		t.Errorf("only %d codes were found in the sources", number)
	}
}

// Whatever an object is, at most 16 MiB are allocated to tell, and 1 MiB of it is read.
func TestLittleIsAllocated(t *testing.T) {
	raw, large := mbrDisk(3*mib), gptDisk(64*mib, espGUID)
	corpus := slices.Concat(qcowDefects(raw), otherDefects(raw), []defect{
		{"mbr", raw, ""},
		{"gpt", large, ""},
		{"qcow 2", qcow2Of(large, 2), ""},
		{"qcow 3", qcow2Of(large, 3), ""},
		{"fixed", fixedVHD(large), ""},
		{"dynamic", dynamicVHD(large), ""},
	})
	for _, c := range corpus {
		o := &object{bytes: c.file}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := diskimage.Inspect(context.Background(), o, int64(len(c.file)), "x")
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err != nil || got > 16*mib || o.read > mib {
			t.Errorf("%s: %d bytes allocated, %d read, %v", c.name, got, o.read, err)
		}
	}
}

type unreadable struct{ err error }

func (u unreadable) ReadAt(context.Context, int64, int64) ([]byte, error) { return nil, u.err }

type short struct{}

func (short) ReadAt(context.Context, int64, int64) ([]byte, error) { return make([]byte, 7), nil }

func TestObjectsThatCannotBeRead(t *testing.T) {
	refused := fault.New(fault.Forbidden, "no")
	if _, err := diskimage.Inspect(context.Background(), unreadable{refused}, mib, "x"); !errors.Is(err, fault.Forbidden) {
		t.Errorf("got %v", err)
	}
	if _, err := diskimage.Inspect(context.Background(), short{}, mib, "x"); !errors.Is(err, fault.Unknown) {
		t.Errorf("an answer that is too short: got %v", err)
	}
}

// The remedies are commands, whatever the object is called.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		"disk.img.gz":      "gzip -d disk.img.gz, then upload what is inside",
		"a'; rm -rf ~ #":   `gzip -d 'a'\''; rm -rf ~ #', then upload what is inside`,
		"-rf":              "gzip -d './-rf', then upload what is inside",
		"two\nlines\x1b[0": "gzip -d 'two?lines?[0', then upload what is inside",
	} {
		o := &object{bytes: []byte("\x1f\x8b\x08 and so on")}
		d, err := diskimage.Inspect(context.Background(), o, int64(len(o.bytes)), name)
		if err != nil || len(d.Findings) != 1 || d.Findings[0].Remedy != want {
			t.Errorf("%q: got %v, %v", name, d.Findings, err)
		}
	}
}

// qemu-img, where it is installed, is the second opinion: what it writes is read
// as what it is.
func TestWhatQemuWrites(t *testing.T) {
	qemu, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("SKIPPED: qemu-img is not installed (Debian: qemu-utils); there is no second opinion on disk images")
	}
	dir := t.TempDir()
	disk := gptDisk(5*mib, espGUID, linuxGUID)
	if err := os.WriteFile(filepath.Join(dir, "disk.raw"), disk, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, args ...string) {
		t.Helper()
		cmd := exec.Command(qemu, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("qemu-img %v: %v: %s", args, err, out)
		}
	}
	convert := func(args ...string) []string {
		return slices.Concat([]string{"convert", "-f", "raw"}, args, []string{"disk.raw", "out"})
	}
	cases := []struct {
		name   string
		args   []string
		format diskimage.Format
		want   []string
	}{
		{"qcow2 version 2", convert("-O", "qcow2", "-o", "compat=0.10"), diskimage.QCOW2, nil},
		{"qcow2 version 3", convert("-O", "qcow2", "-o", "compat=1.1"), diskimage.QCOW2, nil},
		{"qcow2, small clusters", convert("-O", "qcow2", "-o", "cluster_size=512"), diskimage.QCOW2, nil},
		{"qcow2, large clusters", convert("-O", "qcow2", "-o", "cluster_size=2M"), diskimage.QCOW2, nil},
		{"qcow2, compressed", convert("-c", "-O", "qcow2"), diskimage.QCOW2, nil},
		{"qcow2, zstd", convert("-c", "-O", "qcow2", "-o", "compression_type=zstd"), diskimage.QCOW2, []string{"warning zstdClusters", "warning partitionsUnknown"}},
		{"qcow2, preallocated", convert("-O", "qcow2", "-o", "preallocation=metadata"), diskimage.QCOW2, nil},
		{"vhd, dynamic", convert("-O", "vpc", "-o", "force_size=on"), diskimage.VHD, nil},
		{"vhd, fixed", convert("-O", "vpc", "-o", "subformat=fixed,force_size=on"), diskimage.VHD, nil},
		{"vmdk", convert("-O", "vmdk"), diskimage.VMDK, []string{"fatal formatNotImported"}},
		{"vmdk, stream", convert("-O", "vmdk", "-o", "subformat=streamOptimized"), diskimage.VMDK, []string{"fatal formatNotImported"}},
		{"vhdx", convert("-O", "vhdx"), diskimage.VHDX, []string{"fatal formatNotImported"}},
		{"vdi", convert("-O", "vdi"), diskimage.VDI, []string{"fatal formatNotImported"}},
		{"backing file", []string{"create", "-f", "qcow2", "-b", "disk.raw", "-F", "raw", "out"}, diskimage.QCOW2, []string{"fatal backingFile"}},
		{"external data", []string{"create", "-f", "qcow2", "-o", "data_file=data.raw", "out", "5M"}, diskimage.QCOW2, []string{"fatal externalDataFile"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_ = os.Remove(filepath.Join(dir, "out"))
			run(t, c.args...)
			file, err := os.ReadFile(filepath.Join(dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			d, _, err := inspect(file)
			if err != nil || d.Format != c.format || !slices.Equal(codes(d.Findings), c.want) {
				t.Fatalf("got %s %v, %v; want %s %v", d.Format, codes(d.Findings), err, c.format, c.want)
			}
			if c.want == nil && (d.UEFI != image.Yes || d.BIOS != image.No || d.Partitions != diskimage.GPT || d.GiB() != 1) {
				t.Errorf("inside: %+v", d)
			}
		})
	}
}

func ExampleInspect() {
	disk := qcow2Of(gptDisk(3*mib, espGUID), 3)
	d, err := diskimage.Inspect(context.Background(), &object{bytes: disk}, int64(len(disk)), "web.qcow2")
	fmt.Println(d.Format, d.Partitions, d.GiB(), "GiB, UEFI:", d.UEFI, err)
	for _, f := range diskimage.Check(d, diskimage.Wish{Architecture: image.X86_64, BootMode: image.BIOS}) {
		fmt.Println(f.Level, f.Code, "->", f.Remedy)
	}
	// Output:
	// QCOW2 GPT 1 GiB, UEFI: yes <nil>
	// fatal bootModeMismatch -> bootMode: UEFI
}

func FuzzInspect(f *testing.F) {
	small := mbrDisk(64 * kib)
	for _, file := range [][]byte{small, gptDisk(64*kib, espGUID), qcow2Of(small, 2), qcow2Of(small, 3), fixedVHD(small), dynamicVHD(small)[:4096]} {
		f.Add(file[:min(len(file), 8*kib)], uint32(len(file)))
		f.Add(file, uint32(0))
	}
	f.Fuzz(func(t *testing.T, file []byte, zeroes uint32) {
		file = append(file, make([]byte, zeroes%(256*kib))...)
		d, o, err := inspect(file)
		if o.read > diskimage.MostRead || o.read != d.Read {
			t.Fatalf("%d bytes read, %d said", o.read, d.Read)
		}
		if err == nil && d.Bytes < 0 {
			t.Fatalf("a disk of %d bytes", d.Bytes)
		}
		if d.Format != diskimage.RAW && d.Format != diskimage.QCOW2 && d.Format != diskimage.VHD && err == nil {
			if _, fatal := d.Fatal(); !fatal {
				t.Fatalf("%s is not refused", d.Format)
			}
		}
	})
}
