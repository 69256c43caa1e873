package alicloud

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// What the body of an answer may have. The longest pages are those of 500 disks
// or 100 images with twenty tags each, of 128 characters that take three bytes:
// 8 MiB. Ordinary ones have 200 KB.
const (
	maxAnswer = 12 << 20
	// usual is what every call under way may hold; more only largest of them at once.
	usual   = 1 << 20
	largest = 4
)

// bodies read the answers of a process within so many bytes: InFlight times usual
// and largest times maxAnswer.
type bodies struct {
	// pool and room have buffers that are used again: of usual size, and for the
	// largest.
	pool, room sync.Pool
	// turn is held by each of the largest.
	turn chan struct{}
}

func newBodies() *bodies {
	return &bodies{
		pool: sync.Pool{New: func() any { return new([]byte) }},
		room: sync.Pool{New: func() any { room := make([]byte, 0, maxAnswer+1); return &room }},
		turn: make(chan struct{}, largest),
	}
}

// errTooLong says that an answer is longer than any can be.
var errTooLong = errors.New("the answer is too long")

// body is the body of an answer, read whole; bodies.put takes it back.
type body struct {
	text []byte
	// large: it is one of the largest.
	large bool
}

// read reads a body whole. It fails with errTooLong, without reading it, for one
// that says that it is.
func (b *bodies) read(ctx context.Context, answer *http.Response) (body, error) {
	if answer.ContentLength > maxAnswer {
		return body{}, errTooLong
	}
	text, err := readUpTo(answer.Body, (*b.pool.Get().(*[]byte))[:0], min(int(answer.ContentLength)+1, usual), usual)
	if !errors.Is(err, errTooLong) {
		return body{text: text}, err
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return body{text: text}, ctx.Err()
	}
	room := append(*b.room.Get().(*[]byte), text...)
	b.pool.Put(&text)
	room, err = readUpTo(answer.Body, room, 0, maxAnswer)
	return body{text: room, large: true}, err
}

// readUpTo reads the rest of an answer behind what is there already, into room for so
// many bytes to begin with. It fails with errTooLong as soon as there are more
// than most.
func readUpTo(from io.Reader, text []byte, room, most int) ([]byte, error) {
	for {
		if len(text) == cap(text) {
			grown := make([]byte, len(text), min(max(room, 2*cap(text), 32<<10), most+1))
			copy(grown, text)
			text = grown
		}
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case len(text) > most:
			return text, errTooLong
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return text, err
		}
	}
}

// put takes back a body that was read.
func (b *bodies) put(read body) {
	switch {
	case read.large:
		room := read.text[:0]
		b.room.Put(&room)
		<-b.turn
	case cap(read.text) > 0:
		b.pool.Put(&read.text)
	}
}
