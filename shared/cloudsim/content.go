package cloudsim

import (
	"bytes"
	"crypto/md5"
	"hash/crc64"
	"io"
	"slices"
)

// chunk is how many bytes of an object stand together in memory, at most.
const chunk = 1 << 20

// Content is the bytes of an object, with their digests. Nobody changes it:
// copies, parts and versions share what they have in common, and stretches of
// zeros, of which images of disks have many, are not kept at all. The zero value
// is empty.
type Content struct {
	// pieces are the bytes in order; one without bytes stands for that many zeros.
	pieces []piece
	size   int64
	sum    [md5.Size]byte
	crc    uint64
}

type piece struct {
	bytes []byte
	size  int64
}

// ContentOf is the content that has these bytes, which are copied.
func ContentOf(b []byte) Content {
	c, _ := ReadContent(bytes.NewReader(b)) // it reads on to its end
	return c
}

// ReadContent reads all there is. It fails as r does.
func ReadContent(r io.Reader) (Content, error) {
	var c Content
	sum := md5.New()
	for {
		b, err := io.ReadAll(io.LimitReader(r, chunk))
		if err != nil {
			return Content{}, err
		}
		sum.Write(b)
		c.add(b)
		if len(b) < chunk {
			sum.Sum(c.sum[:0])
			return c, nil
		}
	}
}

// add appends a copy of b, and goes on with the checksum.
func (c *Content) add(b []byte) {
	if len(b) == 0 {
		return
	}
	c.crc = crc64.Update(c.crc, ecma(), b)
	c.size += int64(len(b))
	if isZero(b) {
		c.pieces = append(c.pieces, piece{nil, int64(len(b))})
		return
	}
	c.pieces = append(c.pieces, piece{bytes.Clone(b), int64(len(b))})
}

func ecma() *crc64.Table { return crc64.MakeTable(crc64.ECMA) }

// isZero reports whether b is a chunk of nothing but zeros.
func isZero(b []byte) bool {
	return len(b) == chunk && b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

// Size is how many bytes there are.
func (c Content) Size() int64 { return c.size }

// CRC is the CRC-64 (ECMA) of the bytes.
func (c Content) CRC() uint64 { return c.crc }

// MD5 is that of the bytes. That of content which grew by appends, or was put
// together from parts, is not known: it is all zeros.
func (c Content) MD5() [md5.Size]byte { return c.sum }

// Bytes returns a copy of them all.
func (c Content) Bytes() []byte {
	b, _ := io.ReadAll(c.Section(0, c.size)) // memory does not fail
	return b
}

// ReadAt implements io.ReaderAt.
func (c Content) ReadAt(b []byte, from int64) (int, error) {
	n, err := io.ReadFull(c.Section(from, int64(len(b))), b)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// Section reads up to n bytes from an offset on, without a copy of them all.
func (c Content) Section(from, n int64) io.Reader {
	from = max(0, from)
	s := &section{pieces: c.pieces, left: max(0, min(n, c.size-from))}
	for len(s.pieces) > 0 && from >= s.pieces[0].size {
		from -= s.pieces[0].size
		s.pieces = s.pieces[1:]
	}
	s.at = from
	return s
}

// section is a reader of a part of the content.
type section struct {
	pieces []piece
	at     int64 // within the first piece
	left   int64
}

// Read implements io.Reader.
func (s *section) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	first := s.pieces[0]
	n := int(min(int64(len(b)), s.left, first.size-s.at))
	if first.bytes == nil {
		clear(b[:n])
	} else {
		copy(b[:n], first.bytes[s.at:])
	}
	s.at += int64(n)
	s.left -= int64(n)
	if s.at == first.size {
		s.pieces, s.at = s.pieces[1:], 0
	}
	return n, nil
}

// grown is the content with more at its end. Only the newest state of an
// object may grow: the room behind its last bytes is used.
func (c Content) grown(by Content) Content {
	next := c
	next.size += by.size
	next.sum = [md5.Size]byte{}
	next.crc = combined(c.crc, by.crc, by.size)
	last := len(c.pieces) - 1
	if last >= 0 && len(by.pieces) == 1 && c.pieces[last].bytes != nil && by.pieces[0].bytes != nil && c.pieces[last].size+by.size <= chunk {
		joined := append(c.pieces[last].bytes, by.pieces[0].bytes...) // readers of the old one see it up to its old length
		next.pieces = append(slices.Clone(c.pieces[:last]), piece{joined, int64(len(joined))})
		return next
	}
	next.pieces = append(slices.Clip(c.pieces), by.pieces...)
	return next
}

// concatenated is one content after the other; the bytes are shared.
func concatenated(parts []Content) Content {
	var whole Content
	for _, p := range parts {
		whole.pieces = append(whole.pieces, p.pieces...)
		whole.crc = combined(whole.crc, p.crc, p.size)
		whole.size += p.size
	}
	return whole
}

// combined is the CRC-64 of two contents, one after the other, of which the
// second has so many bytes: what zlib does for CRC-32. The first checksum is put
// through as many zeros as the second has bits, by squaring.
func combined(first, second uint64, size int64) uint64 {
	if size == 0 {
		return first
	}
	odd := matrix{crc64.ECMA} // one zero bit
	for n := 1; n < len(odd); n++ {
		odd[n] = 1 << (n - 1)
	}
	even := odd.squared() // two
	odd = even.squared()  // four
	for {
		even = odd.squared() // the first time: eight, a byte
		if size&1 != 0 {
			first = even.times(first)
		}
		if size >>= 1; size == 0 {
			return first ^ second
		}
		odd, even = even, odd
	}
}

// matrix is one of bits over GF(2), by columns.
type matrix [64]uint64

func (m *matrix) times(v uint64) (sum uint64) {
	for n := 0; v != 0; n, v = n+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[n]
		}
	}
	return sum
}

func (m *matrix) squared() (s matrix) {
	for n := range m {
		s[n] = m.times(m[n])
	}
	return s
}
