package journal

import (
	"bytes"

	"imagekeeper/shared/fault"
)

// sumLength is how long the sum of a record is beside the log, its line end
// included. The sum of record n begins at byte n*sumLength; zeros, or nothing, are
// there for a record that has none: those of before there were sums, and one whose
// writer was killed between the two.
const sumLength = 65

// sumLine is the sum of a record as it is kept.
func sumLine(line []byte) []byte { return []byte(sum(line) + "\n") }

// checkSums fails with fault.Unknown if lines are not those whose sums are kept:
// one was changed, or the end was cut off.
func checkSums(subject string, lines [][]byte, sums []byte) error {
	for n := 0; (n+1)*sumLength <= len(sums); n++ {
		kept := sums[n*sumLength : (n+1)*sumLength]
		switch {
		case kept[0] == 0:
		case n >= len(lines):
			return damaged(fault.New(fault.Unknown, "%s has %d records, and had more", subject, len(lines)))
		case !bytes.Equal(kept, sumLine(lines[n])):
			return damaged(fault.New(fault.Unknown, "record %d of %s was changed", n, subject))
		}
	}
	return nil
}
