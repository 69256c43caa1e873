package trials_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/image"
)

// TestTwoCallersAtOnce: of two callers who apply different lists at the same
// time one wins and the other is told; the lists never mix.
func TestTwoCallersAtOnce(t *testing.T) {
	t.Parallel()
	const images = 500
	seed := drawn.Seed()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := newStage(t)
	place := folderJournal(t)
	callers := []*worker{s.start("alice", place), s.start("bob", place)}
	for n := range rounds(1000) {
		id := image.ID(fmt.Sprintf("m-race%d", n%images))
		if n < images {
			s.image(id, anyList(r, 60)...)
		}
		had := s.list(id)
		wants := [][]image.AccountID{anyList(r, 60), anyList(r, 60)}
		if slices.Equal(wants[0], wants[1]) || slices.Equal(wants[0], had) || slices.Equal(wants[1], had) {
			continue
		}
		said := s.both(callers, id, had, wants)
		if won := check(said, wants, s.list(id)); won != "" {
			t.Fatalf("seed %d, round %d: %s\nhad %v\nwanted %v\nand %v\nlist %v\n%s\n%s", seed, n, won, had, wants[0], wants[1], s.list(id), said[0].short(), said[1].short())
		}
	}
}

// both lets each caller plan, and then both apply at once.
func (s *stage) both(callers []*worker, id image.ID, had []image.AccountID, wants [][]image.AccountID) [2]answer {
	s.t.Helper()
	var digests [2]string
	for n, w := range callers {
		digests[n] = s.planned(w, id, had, wants[n]).Plan.Digest
	}
	var said [2]answer
	var wait sync.WaitGroup
	for n, w := range callers {
		wait.Go(func() {
			var err error
			if said[n], err = w.invoke(put(id, wants[n], had, digests[n]), long); err != nil {
				s.t.Error(err)
			}
		})
	}
	wait.Wait()
	return said
}

// check says what is wrong with what two callers were told; empty: nothing.
func check(said [2]answer, wants [][]image.AccountID, list []image.AccountID) string {
	winner, loser := 0, 1
	if said[1].Complete {
		winner, loser = 1, 0
	}
	switch {
	case !said[winner].Complete:
		return "nobody won"
	case said[loser].Complete:
		return "both won"
	case said[loser].problem() != http.StatusConflict || len(said[loser].Plan.Steps) == 0:
		return "the other was not told"
	case !slices.Equal(list, wants[winner]):
		return "the list is not the winner's"
	}
	return ""
}
