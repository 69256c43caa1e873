package retention

import (
	"fmt"
	"time"

	"imagekeeper/shared/image"
)

// codeTimeUnreadable is of what waits for a time that nobody can read any more.
const codeTimeUnreadable = "timeUnreadable"

// readTime reads a time that was written down. One that is missing, or is none, is
// never over: then it returns why, and what waits for it stays.
func readTime(what, text string) (time.Time, *image.Reason) {
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case text == "":
		return time.Time{}, &image.Reason{Code: codeTimeUnreadable, Sentence: fmt.Sprintf("%s is not written down, so that it is not over", what)}
	case err != nil || t.IsZero():
		return time.Time{}, &image.Reason{Code: codeTimeUnreadable, Sentence: fmt.Sprintf("%s is written down as %.60q, which is no time, so that it is not over", what, text)}
	}
	return t, nil
}

// sleepUntil waits for a time that was written down; for one that cannot be read, it
// looks again later.
func (s *step) sleepUntil(what, text string, why image.Reason) {
	at, unreadable := readTime(what, text)
	if unreadable != nil {
		s.sleep(s.now.Add(time.Hour), unreadable)
		return
	}
	s.sleep(at, &why)
}

// outsideWindow is why something waits for a window.
func outsideWindow() image.Reason {
	return image.Reason{Code: "outsideWindow", Sentence: "it waits for a maintenance window"}
}
