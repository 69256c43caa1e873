package cloudsim_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"hash/crc64"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
)

// bigSample is content longer than what stands together in memory, with zeros within.
func bigSample() []byte {
	b := make([]byte, 5<<20+17)
	for n := 0; n < len(b); n += 1 + n%4099 {
		if n < 1<<20 || n > 4<<20 {
			b[n] = byte(n)
		}
	}
	return b
}

func TestContentIsWhatWasRead(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"nothing": {}, "a word": []byte("hello"), "much": bigSample()} {
		c, err := cloudsim.ReadContent(iotest.HalfReader(bytes.NewReader(b)))
		if err != nil || c.Size() != int64(len(b)) || !bytes.Equal(c.Bytes(), b) || c.MD5() != md5.Sum(b) || c.CRC() != crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)) {
			t.Errorf("%s: %d bytes, %v", name, c.Size(), err)
		}
		if err := iotest.TestReader(c.Section(0, c.Size()), b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cloudsim.ReadContent(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a body that breaks: %v", err)
	}
}

func TestSectionsOfContent(t *testing.T) {
	t.Parallel()
	b := bigSample()
	c := cloudsim.ContentOf(b)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(b)).Draw(t, "from")
		n := rapid.IntRange(0, len(b)).Draw(t, "n")
		got := make([]byte, n)
		read, err := c.ReadAt(got, int64(from))
		want := b[from:min(len(b), from+n)]
		if !bytes.Equal(got[:read], want) || (err == nil) != (read == n) && n > 0 {
			t.Fatalf("%d bytes from %d: %d, %v", n, from, read, err)
		}
	})
}
