package diskimage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/importing/diskimage"
)

// object is an object in memory that counts what is read of it.
type object struct {
	bytes []byte
	read  int64
}

// ReadAt returns a part, as a ranged GET does.
func (o *object) ReadAt(_ context.Context, offset, length int64) ([]byte, error) {
	if offset < 0 || length < 0 || offset+length > int64(len(o.bytes)) {
		return nil, fault.New(fault.Invalid, "range outside of the object")
	}
	o.read += length
	return bytes.Clone(o.bytes[offset : offset+length]), nil
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// mbrDisk has boot code and one Linux partition up to the end.
func mbrDisk(size int) []byte {
	d := make([]byte, size)
	copy(d, "\xeb\x63boot code")
	d[446+4] = 0x83
	binary.LittleEndian.PutUint32(d[446+8:], 2)
	binary.LittleEndian.PutUint32(d[446+12:], uint32(size/512-2))
	d[510], d[511] = 0x55, 0xaa
	return d
}

const (
	espGUID      = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b"
	biosBootGUID = "Hah!IdontNeedEFI"
	linuxGUID    = "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4"
)

// gptDisk has one partition for each type.
func gptDisk(size int, types ...string) []byte {
	d := make([]byte, size)
	le := binary.LittleEndian
	sectors := uint64(size / 512)
	d[446+4] = 0xee
	le.PutUint32(d[446+8:], 1)
	le.PutUint32(d[446+12:], uint32(sectors-1))
	d[510], d[511] = 0x55, 0xaa
	entries := d[1024 : 1024+128*128]
	for n, t := range types {
		copy(entries[n*128:], t)
	}
	h := d[512:1024]
	copy(h, "EFI PART\x00\x00\x01\x00")
	le.PutUint32(h[12:], 92)
	le.PutUint64(h[24:], 1)
	le.PutUint64(h[32:], sectors-1)
	le.PutUint64(h[48:], sectors-34)
	le.PutUint64(h[72:], 2)
	le.PutUint32(h[80:], 128)
	le.PutUint32(h[84:], 128)
	le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
	return d
}

// qcow2Of writes a disk as QCOW2 with clusters of 64 KiB: header, reference
// counts, L1, L2, then every cluster.
func qcow2Of(disk []byte, version uint32) []byte {
	const cluster = 64 * kib
	clusters := (len(disk) + cluster - 1) / cluster
	out := make([]byte, (4+clusters)*cluster)
	be := binary.BigEndian
	copy(out, "QFI\xfb")
	be.PutUint32(out[4:], version)
	be.PutUint32(out[20:], 16)
	be.PutUint64(out[24:], uint64(len(disk)))
	be.PutUint32(out[36:], 1)
	be.PutUint64(out[40:], 2*cluster)
	be.PutUint64(out[48:], cluster)
	be.PutUint32(out[56:], 1)
	be.PutUint32(out[96:], 4)
	be.PutUint32(out[100:], 104)
	be.PutUint64(out[2*cluster:], 3*cluster|1<<63)
	for n := range clusters {
		be.PutUint64(out[3*cluster+8*n:], uint64((4+n)*cluster)|1<<63)
	}
	copy(out[4*cluster:], disk)
	return out
}

func vhdFooter(size uint64, kind uint32, header uint64) []byte {
	f := make([]byte, 512)
	be := binary.BigEndian
	copy(f, "conectix")
	be.PutUint64(f[16:], header)
	be.PutUint64(f[40:], size)
	be.PutUint64(f[48:], size)
	be.PutUint32(f[60:], kind)
	return sumVHD(f, 64)
}

func sumVHD(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], 0)
	var sum uint32
	for _, c := range b {
		sum += uint32(c)
	}
	binary.BigEndian.PutUint32(b[at:], ^sum)
	return b
}

func fixedVHD(disk []byte) []byte {
	return slices.Concat(disk, vhdFooter(uint64(len(disk)), 2, ^uint64(0)))
}

// dynamicVHD has blocks of 2 MiB, all of them present.
func dynamicVHD(disk []byte) []byte {
	const block = 2 * mib
	blocks := (len(disk) + block - 1) / block
	header := make([]byte, 1024)
	be := binary.BigEndian
	copy(header, "cxsparse")
	be.PutUint64(header[8:], ^uint64(0))
	be.PutUint64(header[16:], 1536)
	be.PutUint32(header[28:], uint32(blocks))
	be.PutUint32(header[32:], block)
	sumVHD(header, 36)
	footer := vhdFooter(uint64(len(disk)), 3, 512)
	table := make([]byte, 512)
	out := slices.Concat(footer, header, table)
	for n := range blocks {
		be.PutUint32(out[1536+4*n:], uint32(len(out)/512))
		whole := make([]byte, 512+block)
		copy(whole[512:], disk[n*block:min(len(disk), (n+1)*block)])
		out = append(out, whole...)
	}
	return append(out, footer...)
}

// changed is a copy of a file with other bytes at an offset; a negative one
// counts from the end.
func changed(file []byte, at int, with ...byte) []byte {
	file = bytes.Clone(file)
	if at < 0 {
		at += len(file)
	}
	copy(file[at:], with)
	return file
}

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func inspect(file []byte) (diskimage.Disk, *object, error) {
	o := &object{bytes: file}
	d, err := diskimage.Inspect(context.Background(), o, int64(len(file)), "incoming/web base.img")
	return d, o, err
}
